// The chat participant: a task as an answer in the chat view. Present where the editor has chats.
import * as vscode from "vscode";
import { duration } from "./tree";
import type { Tasks } from "./tasks";
import type { Here, Start } from "./ask";
import { type Approval, type Event, hinted, plain } from "./wire";

type Begin = (start: Start) => Promise<{ task: string } | undefined>;

const INTENTS = ["explain", "fix", "tests", "document", "refactor"];

export class Chat {
  constructor(
    private readonly tasks: Tasks,
    private readonly begin: Begin,
    private readonly cancel: (task: string) => void,
    private readonly here: Here,
  ) {}

  // Undefined where the editor has no chats.
  register(icon: vscode.Uri): vscode.Disposable | undefined {
    if (typeof vscode.chat?.createChatParticipant !== "function") return undefined;
    const participant = vscode.chat.createChatParticipant("animus.chat", this.answer);
    participant.iconPath = icon;
    return participant;
  }

  readonly answer: vscode.ChatRequestHandler = async (request, context, stream, token) => {
    const begun = await this.begin(this.start(request, context));
    if (!begun) return { errorDetails: { message: "The task did not start." } };
    token.onCancellationRequested(() => this.cancel(begun.task));
    if (token.isCancellationRequested) this.cancel(begun.task);
    let next = 0;
    await new Promise<void>((done) => {
      const take = () => {
        const task = this.tasks.all.get(begun.task);
        for (const event of task?.events.slice(next) ?? []) {
          next = event.seq + 1;
          this.show(event, stream);
          if (event.update.type === "finished") {
            subscription.dispose();
            done();
          }
        }
      };
      const subscription = this.tasks.onChange(take);
      take();
    });
    return { metadata: { session: this.tasks.all.get(begun.task)?.session } };
  };

  // A request as `task/start` takes it: what it refers to is context, the first selection is the place.
  start(request: Pick<vscode.ChatRequest, "prompt" | "command" | "references">, context: vscode.ChatContext): Start {
    const intent = INTENTS.find((intent) => intent === request.command) ?? "do";
    const start: Start = { prompt: request.prompt, intent };
    const files: string[] = [];
    for (const { value } of request.references) {
      const uri = value instanceof vscode.Uri ? value : value instanceof vscode.Location ? value.uri : undefined;
      const path = uri && this.here.path(uri);
      if (!uri || path === undefined) continue;
      if (value instanceof vscode.Location && start.uri === undefined) {
        start.uri = this.here.uri(uri);
        start.range = this.here.range(value.range);
      } else files.push(path);
    }
    const editor = vscode.window.activeTextEditor;
    // An intent is about a place: without a reference, that of the cursor.
    if (intent !== "do" && start.uri === undefined && files.length === 0 && editor && this.here.path(editor.document.uri) !== undefined) {
      start.uri = this.here.uri(editor.document.uri);
      if (!editor.selection.isEmpty) start.range = this.here.range(editor.selection);
    }
    if (files.length > 0) start.context = files;
    const last = context.history.filter((turn) => turn instanceof vscode.ChatResponseTurn).at(-1);
    const session: unknown = last?.result.metadata?.session;
    if (typeof session === "string") start.session = session;
    return start;
  }

  private show({ update }: Event, stream: vscode.ChatResponseStream): void {
    switch (update.type) {
      case "message":
        stream.markdown(update.text);
        break;
      case "turn":
        stream.markdown("\n\n");
        break;
      case "plan":
        for (const step of update.plan.entries) if (step.status === "in_progress") stream.progress(plain(step.content));
        break;
      case "toolCall":
        stream.progress(plain(update.call.title));
        break;
      case "approval":
        this.ask(update.approval, stream);
        break;
      case "test":
        if (update.report.verdict !== "running") stream.progress(plain(`${update.report.command}: ${update.report.verdict} (${duration(update.report.durationMs)})`));
        break;
      case "patch":
        stream.markdown(`\n\n${update.patch.files.map((file) => `- \`${file.path}\` +${file.added} -${file.removed}`).join("\n")}\n\n`);
        stream.button({ title: "Open Review Document", command: "animus.ui.review", arguments: [update.patch.id] });
        break;
      case "finished":
        stream.markdown(`\n\n**${update.reason}** ${hinted({ message: update.summary, hint: update.failure?.hint })}`);
        break;
    }
  }

  private ask(approval: Approval, stream: vscode.ChatResponseStream): void {
    stream.markdown(`\n\n**${approval.title}**\n\n`);
    stream.markdown(new vscode.MarkdownString().appendCodeblock(approval.details.join("\n")));
    stream.button({ title: "Answer…", command: "animus.ui.answer", arguments: [approval.id] });
  }
}
