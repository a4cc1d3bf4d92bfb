// The status bar item: what the agent does, with which model, and what it cost; a click offers what can be done.
import * as vscode from "vscode";
import type { Approvals } from "./approvals";
import { Spent, type Tasks } from "./tasks";
import { plain, type Status } from "./wire";

export class StatusBar implements vscode.Disposable {
  readonly item = vscode.window.createStatusBarItem("animus.status", vscode.StatusBarAlignment.Left, 0);
  private status: Status | undefined;
  private trouble: string | undefined;

  constructor(
    private readonly tasks: Tasks,
    private readonly approvals: Approvals,
  ) {
    this.item.name = "Animus";
    this.item.command = "animus.ui.menu";
    tasks.onChange(() => this.draw());
    approvals.onChange(() => this.draw());
    this.draw();
    this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }

  told(status: Status): void {
    this.status = status;
    this.draw();
  }

  // Why nothing can be asked: no server, or one that ended.
  broken(trouble: string | undefined): void {
    this.trouble = trouble;
    this.draw();
  }

  get model(): string | undefined {
    return this.status?.models.find(({ role }) => role === "coder")?.model;
  }

  private draw(): void {
    const task = this.tasks.current;
    const asks = this.approvals.of().length;
    const trouble = this.trouble ?? this.status?.problem;
    const state = this.trouble ? "$(warning) Animus stopped" : trouble ? "$(warning) Animus" : asks > 0 ? "$(bell-dot) waits for you" : task ? `$(sync~spin) ${plain(task.phase)}` : "$(sparkle) Animus";
    const spent = Spent.sum([...this.tasks.all.values()].filter(({ session }) => !task || session === task.session).map((task) => task.spent));
    const model = task?.model || this.model;
    this.item.text = [state, trouble ? undefined : plain(model?.split("/").at(-1) ?? ""), spent.calls > 0 ? spent.money : undefined].filter(Boolean).join(" · ");
    this.item.backgroundColor = asks > 0 || trouble ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    const lines = [trouble ?? (task ? task.title : "The agent is idle."), model && `Model: ${model}`, spent.calls > 0 && `Spent in this ${task ? "session" : "window"}: ${spent.money}, ${spent.tokens}`, this.trouble && "A click offers to restart the server."];
    this.item.tooltip = lines.filter(Boolean).join("\n");
  }
}

// What a click on the item offers.
export async function menu(tasks: Tasks, approvals: Approvals): Promise<void> {
  const running = tasks.current !== undefined;
  const entries: (vscode.QuickPickItem & { command: string; when?: boolean })[] = [
    { label: "$(bell-dot) Answer the Question…", command: "answer", when: approvals.of().length > 0 },
    { label: "$(comment) Say Something to the Task…", command: "steer", when: running },
    { label: "$(debug-stop) Cancel Task", command: "cancel", when: running },
    { label: "$(sparkle) Ask Agent…", command: "ask" },
    { label: "$(list-tree) Show Tasks", command: "showTask" },
    { label: "$(diff) Open Review Document", command: "review", when: tasks.newest("proposed") !== undefined },
    { label: "$(info) Status", command: "status" },
    { label: "$(server) Models", command: "models" },
    { label: "$(gear) Settings", command: "settings" },
    { label: "$(refresh) Restart Server", command: "restart" },
  ];
  const chosen = await vscode.window.showQuickPick(entries.filter(({ when }) => when !== false), { title: "Animus" });
  if (chosen) await vscode.commands.executeCommand(`animus.ui.${chosen.command}`);
}
