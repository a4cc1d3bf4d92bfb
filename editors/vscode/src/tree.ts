// The task view: per task its plan, tool calls, tests, patch and result.
import * as vscode from "vscode";
import type { Task, Tasks } from "./tasks";

export type Node =
  | { kind: "task"; task: Task }
  | { kind: "leaf"; task: Task; label: string; detail: string; icon: string; tooltip?: string; context?: string; command?: vscode.Command };

const icons: Record<string, string> = {
  pending: "circle-outline",
  in_progress: "sync~spin",
  running: "sync~spin",
  completed: "check",
  passed: "pass",
  failed: "error",
  broken: "warning",
};

function leaves(task: Task): Node[] {
  const leaf = (label: string, detail: string, icon: string, tooltip?: string, context?: string): Node => ({
    kind: "leaf",
    task,
    label,
    detail,
    icon,
    ...(tooltip ? { tooltip } : {}),
    ...(context ? { context } : {}),
  });
  const nodes = task.plan.entries.map((step) => leaf(step.content, "", icons[step.status] ?? "circle-outline"));
  for (const { call, result } of task.calls.values()) {
    nodes.push(leaf(call.title, result ? `${result.durationMs} ms` : "", icons[result?.status ?? "in_progress"] ?? "tools", result?.failure?.message ?? result?.output));
  }
  for (const test of task.tests) {
    const counts = test.passed === undefined ? "" : `, ${test.passed} passed, ${test.failed ?? 0} failed`;
    nodes.push(leaf(test.command, test.verdict + counts, icons[test.verdict] ?? "beaker", test.output));
  }
  if (task.patch) {
    const { title, state, files } = task.patch;
    nodes.push(leaf(title, `patch ${state}`, "diff", files.map((f) => `${f.op} ${f.path} +${f.added} -${f.removed}`).join("\n"), `patch.${state}`));
    for (const file of state === "proposed" ? files : []) {
      const command = { title: "Diff", command: "animus.ui.patch.diff", arguments: [{ patch: task.patch.id, path: file.path }] };
      const waiting = file.hunks.filter((hunk) => hunk.state === "pending").length;
      nodes.push({ kind: "leaf", task, label: file.path, detail: `${file.op} +${file.added} -${file.removed}, ${waiting} of ${file.hunks.length} wait`, icon: "diff-single", command });
    }
  }
  if (task.finished) {
    const { reason, exitCode, summary, failure } = task.finished;
    nodes.push(leaf(reason, summary, exitCode === 0 ? "pass" : "error", [summary, failure?.message, failure?.hint].filter(Boolean).join("\n")));
  }
  return nodes;
}

export class TaskTree implements vscode.TreeDataProvider<Node> {
  private readonly changes = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changes.event;
  private readonly nodes = new WeakMap<Task, Node>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly tasks: Tasks) {
    // Streams of text change a task many times a second; the tree is drawn ten times at most.
    tasks.onChange(() => {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.changes.fire(undefined);
      }, 100);
    });
  }

  node(task: Task): Node {
    let node = this.nodes.get(task);
    if (!node) this.nodes.set(task, (node = { kind: "task", task }));
    return node;
  }

  getParent(node: Node): Node | undefined {
    return node.kind === "leaf" ? this.node(node.task) : undefined;
  }

  getChildren(node?: Node): Node[] {
    if (!node) return [...this.tasks.all.values()].reverse().map((task) => this.node(task));
    return node.kind === "task" ? leaves(node.task) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === "leaf") {
      const item = new vscode.TreeItem(node.label);
      item.description = node.detail;
      item.iconPath = new vscode.ThemeIcon(node.icon);
      if (node.tooltip) item.tooltip = node.tooltip;
      if (node.context) item.contextValue = node.context;
      if (node.command) item.command = node.command;
      return item;
    }
    const { task } = node;
    const item = new vscode.TreeItem(task.title || task.id, vscode.TreeItemCollapsibleState.Expanded);
    item.id = task.id;
    // A task whose end this window did not see is known by its patch alone.
    const running = this.tasks.running(task.id);
    item.description = task.finished?.reason ?? (running ? task.phase : task.patch?.state);
    item.iconPath = new vscode.ThemeIcon(task.finished ? (task.finished.exitCode === 0 ? "pass" : "error") : running ? "sync~spin" : "diff");
    item.contextValue = running ? "task.running" : "task.finished";
    return item;
  }
}
