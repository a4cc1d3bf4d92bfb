// Approvals: the questions that wait for a person. No answer is a no, which the server says once the time is over.
import * as vscode from "vscode";
import { type Approval, type Option, plain } from "./wire";

type Resolve = (approval: string, option: Option) => Promise<void>;
interface Choice extends vscode.QuickPickItem { option?: Option }

// A question that is longer than this is read as a whole before it is allowed.
const SHORT = 160;

export class Approvals implements vscode.Disposable {
  private readonly open = new Map<string, { approval: Approval; until: number }>();
  private readonly changes = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  readonly onChange = this.changes.event;

  constructor(private readonly resolve: Resolve) {}

  dispose(): void {
    clearInterval(this.timer);
    this.changes.dispose();
  }

  // The questions of a task, or all.
  of(task?: string): Approval[] {
    return [...this.open.values()].map(({ approval }) => approval).filter((approval) => task === undefined || approval.task === task);
  }

  // Seconds until no answer is a no.
  left(approval: Approval): number {
    return Math.max(0, Math.ceil(((this.open.get(approval.id)?.until ?? 0) - Date.now()) / 1000));
  }

  // A question, or what became of it. A new one is shown.
  told(approval: Approval): void {
    const known = this.open.has(approval.id);
    if (approval.state !== "pending") this.open.delete(approval.id);
    else if (!known) this.open.set(approval.id, { approval, until: Date.now() + approval.deadlineSeconds * 1000 });
    this.show();
    if (approval.state === "pending" && !known) void this.notify(approval);
  }

  // The narrowest yes, or a no.
  async answer(id: string | undefined, kind: "allow" | "reject"): Promise<void> {
    const approval = this.open.get(id ?? "")?.approval ?? this.of()[0];
    const option = approval?.options.find((option) => option.kind === `${kind}_once`);
    if (approval && option) await this.give(approval, option);
    else void vscode.window.showInformationMessage("No question waits for an answer.");
  }

  // Everything about a question, to be answered; it counts down, and goes where it is answered elsewhere.
  async pick(id?: string): Promise<void> {
    const approval = this.open.get(id ?? "")?.approval ?? this.of()[0];
    if (!approval) return void vscode.window.showInformationMessage("No question waits for an answer.");
    const box = vscode.window.createQuickPick<Choice>();
    box.items = this.rows(approval);
    box.ignoreFocusOut = true;
    const draw = () => {
      if (!this.open.has(approval.id)) box.hide();
      box.title = `${plain(approval.title)} (${this.left(approval)} s)`;
    };
    draw();
    const shown = this.onChange(draw);
    await new Promise<void>((done) => {
      box.onDidHide(() => done());
      box.onDidAccept(() => {
        const option = box.activeItems[0]?.option;
        if (!option) return;
        void this.give(approval, option);
        box.hide();
      });
      box.show();
    });
    shown.dispose();
    box.dispose();
  }

  // The rows of a question: the answers, what would be done, and why it is asked.
  rows(approval: Approval): Choice[] {
    const noes = approval.options.filter(({ kind }) => kind.startsWith("reject"));
    // What Enter takes at once is a no.
    const options = [...noes, ...approval.options.filter((option) => !noes.includes(option))];
    const separator = (label: string): Choice => ({ label, kind: vscode.QuickPickItemKind.Separator });
    const line = (label: string, icon: string): Choice => ({ label: `$(${icon}) ${plain(label)}`, alwaysShow: true });
    return [
      ...options.map((option): Choice => ({ label: plain(option.name), option })),
      separator("what would be done"),
      ...approval.details.map((detail) => line(detail, "terminal")),
      separator("why you are asked"),
      ...approval.reasons.map((reason) => line(reason, "info")),
    ];
  }

  private async notify(approval: Approval): Promise<void> {
    const [detail = "", ...others] = approval.details;
    const text = [approval.title.includes(detail) ? approval.title : `${approval.title}: ${detail}`, ...approval.reasons].join(" · ");
    const short = others.length === 0 && text.length <= SHORT;
    const one = (kind: string) => approval.options.find((option) => option.kind === kind);
    const options = [short ? one("allow_once") : undefined, one("reject_once")].filter((option) => option !== undefined);
    const more = short ? "All Answers…" : "Read It…";
    const said = short ? text : `${approval.title.slice(0, SHORT)} (long: read it before you allow it)`;
    const answer = await vscode.window.showWarningMessage(plain(said), ...options.map((option) => plain(option.name)), more);
    const option = options.find((option) => plain(option.name) === answer);
    if (option) await this.give(approval, option);
    else if (answer === more) await this.pick(approval.id);
  }

  async give(approval: Approval, option: Option): Promise<void> {
    if (!this.open.delete(approval.id)) return void vscode.window.showInformationMessage("This question is answered already.");
    this.show();
    await this.resolve(approval.id, option);
  }

  private show(): void {
    this.changes.fire();
    void vscode.commands.executeCommand("setContext", "animus.asks", this.open.size > 0);
    if (this.open.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    } else this.timer ??= setInterval(() => this.changes.fire(), 1000);
  }
}
