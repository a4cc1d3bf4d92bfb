// The task view: per task the open questions, its plan, tool calls, tests, findings, patch, cost and result.
import * as vscode from "vscode";
import type { Approvals } from "./approvals";
import type { Task, Tasks } from "./tasks";
import { hinted, type TestReport } from "./wire";

export interface Leaf {
  kind: "leaf";
  task: Task;
  label: string;
  detail: string;
  icon: string;
  tooltip?: string | undefined;
  context?: string | undefined;
  command?: vscode.Command | undefined;
  children?: Leaf[] | undefined;
  expanded?: boolean | undefined;
  approval?: string | undefined;
}
export type Node = { kind: "task"; task: Task } | Leaf;

const icons: Record<string, string> = {
  pending: "circle-outline",
  in_progress: "sync~spin",
  running: "sync~spin",
  completed: "check",
  passed: "pass",
  failed: "error",
  broken: "warning",
  info: "info",
  warning: "warning",
  critical: "error",
};
const kinds: Record<string, string> = { read: "file", edit: "edit", search: "search", execute: "terminal", think: "lightbulb" };

export const duration = (ms: number) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

// The first line of a text.
const brief = (text: string) => text.trim().split("\n", 1)[0]?.slice(0, 120) ?? "";

// Opens a place in the workspace.
function opening(path: string | undefined, line: number | undefined): vscode.Command | undefined {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!root || path === undefined) return undefined;
  const at = new vscode.Position(Math.max(0, (line ?? 1) - 1), 0);
  return { title: "Open", command: "vscode.open", arguments: [vscode.Uri.joinPath(root, path), { selection: new vscode.Range(at, at) }] };
}

function test(task: Task, report: TestReport): Leaf {
  const counts = report.passed === undefined ? "" : `, ${report.passed} passed, ${report.failed ?? 0} failed`;
  const took = report.verdict === "running" ? "" : `, ${duration(report.durationMs)}`;
  const named = report.failures ?? (report.failing ?? []).map((name) => ({ name, standing: undefined, message: undefined, path: undefined, line: undefined }));
  const children = named.map(({ name, standing, message, path, line }): Leaf => {
    const icon = standing === "fixed" ? "pass" : standing === "pre_existing" ? "circle-slash" : "error";
    return { kind: "leaf", task, label: name, detail: [standing?.replace("_", "-"), message && brief(message)].filter(Boolean).join(": "), icon, tooltip: message, command: opening(path, line) };
  });
  return { kind: "leaf", task, label: report.command, detail: report.verdict + counts + took, icon: icons[report.verdict] ?? "beaker", tooltip: report.output, children, expanded: true };
}

function patch(task: Task): Leaf[] {
  if (!task.patch) return [];
  const { id, title, state, verified, files } = task.patch;
  const children = files.map((file): Leaf => {
    const waiting = file.hunks.filter((hunk) => hunk.state === "pending").length;
    const detail = `${file.op} +${file.added} -${file.removed}${state === "proposed" ? `, ${waiting} of ${file.hunks.length} wait` : ""}`;
    const diff = { title: "Diff", command: "animus.ui.patch.diff", arguments: [{ patch: id, path: file.path }] };
    const command = state === "proposed" ? diff : opening(file.op === "delete" ? undefined : file.path, file.hunks[0]?.live?.start);
    return { kind: "leaf", task, label: file.path, detail, icon: "diff-single", command };
  });
  return [{ kind: "leaf", task, label: title, detail: `patch ${state}${verified ? ", verified" : ""}`, icon: "diff", context: `patch.${state}`, children, expanded: true }];
}

function leaves(task: Task, approvals: Approvals): Leaf[] {
  const leaf = (label: string, detail: string, icon: string, more: Partial<Leaf> = {}): Leaf => ({ kind: "leaf", task, label, detail, icon, ...more });
  const nodes = approvals.of(task.id).map((approval) => {
    const tooltip = [...approval.details, "", ...approval.reasons].join("\n");
    const command = { title: "Answer", command: "animus.ui.answer", arguments: [approval.id] };
    return leaf(approval.title, `waits for you, ${approvals.left(approval)} s`, "bell-dot", { tooltip, context: "approval", approval: approval.id, command });
  });
  nodes.push(...task.plan.entries.map((step) => leaf(step.content, step.status === "completed" ? "" : step.status.replace("_", " "), icons[step.status] ?? "circle-outline")));
  nodes.push(...task.said.map((text) => leaf(brief(text), "you said", "comment", { tooltip: text })));
  const calls = [...task.calls.values()].map(({ call, result }) => {
    const exit = result?.exitCode ? `, exit ${result.exitCode}` : "";
    const why = result?.failure ? `, ${result.failure.message}` : "";
    const icon = result?.status === "failed" ? "error" : result ? (kinds[call.kind] ?? "tools") : "sync~spin";
    return leaf(call.title, result ? duration(result.durationMs) + exit + why : "runs", icon, { tooltip: result?.failure?.message ?? result?.output });
  });
  if (calls.length > 0) nodes.push(leaf("Tool calls", `${calls.length}`, "tools", { children: calls, expanded: !task.finished }));
  nodes.push(...task.tests.map((report) => test(task, report)));
  const findings = task.findings.map(({ severity, message, path, line }) =>
    leaf(brief(message), path ? `${path}${line ? `:${line}` : ""}` : "", icons[severity] ?? "info", { tooltip: message, command: opening(path, line) }));
  if (findings.length > 0) nodes.push(leaf("Findings of the critic", `${findings.length}`, "comment-discussion", { children: findings, expanded: true }));
  nodes.push(...patch(task));
  if (task.spent.calls > 0) nodes.push(leaf(task.spent.money, task.spent.tokens, "credit-card", { tooltip: `${task.spent.calls} model calls${task.model ? `, ${task.model}` : ""}` }));
  if (task.finished) {
    const { reason, exitCode, summary, failure } = task.finished;
    nodes.push(leaf(reason, summary, exitCode === 0 ? "pass" : "error", { tooltip: [summary, failure && hinted(failure)].filter(Boolean).join("\n") }));
  }
  return nodes;
}

export class TaskTree implements vscode.TreeDataProvider<Node> {
  private readonly changes = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.changes.event;
  private readonly nodes = new WeakMap<Task, Node>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly tasks: Tasks,
    private readonly approvals: Approvals,
  ) {
    tasks.onChange(() => this.later());
    approvals.onChange(() => this.later());
  }

  // Streams of text change a task many times a second; the tree is drawn ten times at most.
  private later(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changes.fire(undefined);
    }, 100);
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
    return node.kind === "task" ? leaves(node.task, this.approvals) : (node.children ?? []);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node.kind === "leaf") {
      const { None, Expanded, Collapsed } = vscode.TreeItemCollapsibleState;
      const item = new vscode.TreeItem(node.label, !node.children?.length ? None : node.expanded ? Expanded : Collapsed);
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
    item.description = task.finished?.reason ?? (running ? task.waits || task.phase : task.patch?.state);
    item.iconPath = new vscode.ThemeIcon(task.finished ? (task.finished.exitCode === 0 ? "pass" : "error") : running ? "sync~spin" : "diff");
    item.contextValue = running ? "task.running" : "task.finished";
    return item;
  }
}
