// The shim between VS Code and `animus lsp`: starts the client, shows the tasks, saves what landed. Decisions are the server's.
import * as vscode from "vscode";
import { LanguageClient, type StaticFeature } from "vscode-languageclient/node";
import { Tasks } from "./tasks";
import { type Node, TaskTree } from "./tree";
import { announced, type Approval, type Batch, type Event, type Patch, type TaskView, type Update } from "./wire";

export interface Api {
  client: LanguageClient;
  tasks: Tasks;
  tree: TaskTree;
  onEvent: vscode.Event<Event>;
}

const negotiation: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), animus: announced };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

function createClient(): LanguageClient {
  const settings = vscode.workspace.getConfiguration("animus");
  const inspected = settings.inspect<string>("server.path");
  const chosen = inspected?.workspaceValue ?? inspected?.globalValue;
  const command = chosen ?? process.env.ANIMUS_BIN ?? "animus";
  const land = settings.get<string>("land");
  const client = new LanguageClient(
    "animus",
    "Animus",
    { command, args: ["lsp"] },
    {
      documentSelector: [{ scheme: "file" }],
      initializationOptions: { animus: land === "auto" || land === "review" ? { land } : {} },
    },
  );
  client.registerFeature(negotiation);
  return client;
}

// Saves the dirty documents of a patch's files: an applied edit is not on disk yet.
async function save(patch: Patch): Promise<void> {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!root) return;
  const touched = new Set(patch.files.map((file) => vscode.Uri.joinPath(root, file.path).toString()));
  for (const document of vscode.workspace.textDocuments) {
    if (document.isDirty && touched.has(document.uri.toString())) await document.save();
  }
}

class Shim {
  readonly tasks: Tasks;
  readonly tree: TaskTree;
  readonly view: vscode.TreeView<Node>;
  readonly log = vscode.window.createOutputChannel("Animus Tasks", "markdown");

  constructor(readonly client: LanguageClient, context: vscode.ExtensionContext) {
    this.tasks = new Tasks(async (task, after) => (await client.sendRequest<{ events: Event[] }>("animus/task/replay", { task, after })).events);
    this.tree = new TaskTree(this.tasks);
    this.view = vscode.window.createTreeView("animus.tasks", { treeDataProvider: this.tree });
    context.subscriptions.push(this.tasks, this.view, this.log);
    this.tasks.onEvent((event) => this.write(event));
    client.onNotification("$/animus/event", (batch: Batch) => {
      const last = batch.events.at(-1);
      if (last) void client.sendNotification("$/animus/ack", { task: batch.task, seq: last.seq });
      this.tasks.receive(batch).catch((problem: unknown) => this.log.appendLine(`events are missing: ${String(problem)}`));
    });
    client.onNotification("$/animus/task", (view: TaskView) => this.tasks.viewed(view));
    client.onNotification("$/animus/patch", (patch: Patch) => void this.patched(patch));
    client.onNotification("$/animus/approval", (approval: Approval) => void this.approve(approval));
  }

  // Sends `animus/VERB`; an error is shown with its hint.
  async request<T>(verb: string, params: object): Promise<T | undefined> {
    try {
      return await this.client.sendRequest<T>(`animus/${verb}`, params);
    } catch (problem) {
      const { message, data } = problem as { message: string; data?: { hint?: string } };
      void vscode.window.showErrorMessage([message, data?.hint].filter(Boolean).join(" "));
      return undefined;
    }
  }

  private write(event: Event): void {
    const update = event.update;
    switch (update.type) {
      case "started":
        this.log.appendLine(`# ${update.request.prompt || update.request.intent}`);
        this.progress(event.task);
        break;
      case "phase":
        this.log.appendLine(`\n## ${update.phase}`);
        break;
      case "message":
        this.log.append(update.text);
        break;
      case "toolCall":
        this.log.appendLine(`\n> ${update.call.title}`);
        break;
      case "test":
        this.log.appendLine(`test ${update.report.verdict}: ${update.report.command}`);
        break;
      case "notice":
        this.log.appendLine(`${update.level}: ${update.message} ${update.hint ?? ""}`);
        break;
      case "finished":
        this.log.appendLine(`\n${update.reason}: ${update.summary}`);
        void this.finished(event.task, update);
        break;
    }
  }

  // The end of a task is shown where a person looks; a patch that waits is asked about here and nowhere else.
  private async finished(task: string, end: Extract<Update, { type: "finished" }>): Promise<void> {
    const { patch, events = [] } = this.tasks.all.get(task) ?? {};
    const landed = events.some(({ update }) => update.type === "patchState" && update.state === "landed");
    const waiting = landed ? undefined : patch;
    if (end.failure) {
      void vscode.window.showErrorMessage([end.failure.message, end.failure.hint].filter(Boolean).join(" "));
    } else if (waiting?.state === "proposed") {
      const answer = await vscode.window.showInformationMessage(`The agent proposes: ${waiting.title}`, "Accept", "Refuse");
      if (answer) await this.resolve(waiting.id, answer === "Accept" ? "accept" : "refuse");
    } else if (end.reason === "no_change") {
      this.log.show(true);
    } else if (end.exitCode !== 0 && end.reason !== "cancelled") {
      void vscode.window.showWarningMessage(`Agent: ${end.reason}. ${end.summary}`);
    }
  }

  // A notification with a cancel button, for as long as the task runs.
  private progress(id: string): void {
    const options = { location: vscode.ProgressLocation.Notification, title: "Animus", cancellable: true };
    void vscode.window.withProgress(options, (progress, token) => {
      token.onCancellationRequested(() => this.request("task/cancel", { task: id }));
      return new Promise<void>((resolve) => {
        if (this.tasks.all.get(id)?.finished) return resolve();
        const subscription = this.tasks.onEvent(({ task, update }) => {
          if (task !== id) return;
          if (update.type === "phase") progress.report({ message: update.phase });
          if (update.type === "toolCall") progress.report({ message: update.call.title });
          if (update.type === "finished") {
            subscription.dispose();
            resolve();
          }
        });
      });
    });
  }

  private async patched(patch: Patch): Promise<void> {
    this.tasks.patched(patch);
    if (patch.state === "landed" || patch.state === "undone") await save(patch);
  }

  private async approve(approval: Approval): Promise<void> {
    if (approval.state !== "pending") return;
    const words = { "Allow once": "allow_once", "Allow always": "allow_always", Reject: "reject_once", "Reject always": "reject_always" } as const;
    const buttons = Object.keys(words) as (keyof typeof words)[];
    const answer = await vscode.window.showWarningMessage(
      approval.title,
      { modal: true, detail: [...approval.details, "", ...approval.reasons].join("\n") },
      ...buttons,
    );
    await this.request("approval/resolve", { approval: approval.id, option: words[answer ?? "Reject"] });
  }

  async resolve(patch: string | undefined, resolution: "accept" | "refuse"): Promise<void> {
    const id = patch ?? this.tasks.newest("proposed")?.id;
    if (id) await this.request("patch/resolve", { patch: id, resolution });
    else void vscode.window.showInformationMessage("No patch waits for an answer.");
  }

  async ask(prompt?: string): Promise<unknown> {
    const text = prompt ?? (await vscode.window.showInputBox({ prompt: "Ask the agent to…", ignoreFocusOut: true }));
    if (!text) return undefined;
    const editor = vscode.window.activeTextEditor;
    const about =
      editor?.document.uri.scheme !== "file"
        ? {}
        : editor.selection.isEmpty
          ? { context: [vscode.workspace.asRelativePath(editor.document.uri, false)] }
          : {
              uri: this.client.code2ProtocolConverter.asUri(editor.document.uri),
              range: this.client.code2ProtocolConverter.asRange(editor.selection),
            };
    return this.request("task/start", { prompt: text, intent: "do", ...about });
  }

  async show(id?: string): Promise<void> {
    const task = id ? this.tasks.all.get(id) : [...this.tasks.all.values()].at(-1);
    if (task) await this.view.reveal(this.tree.node(task), { focus: true, expand: true });
    this.log.show(true);
  }
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const client = createClient();
  const shim = new Shim(client, context);
  const patchOf = (target?: Node | string) => (typeof target === "string" ? target : target?.task.patch?.id);
  const taskOf = (target?: Node | string) => (typeof target === "string" ? target : target?.task.id);
  const commands: Record<string, (target?: Node | string) => Promise<unknown>> = {
    ask: (target) => shim.ask(typeof target === "string" ? target : undefined),
    cancel: (target) => shim.request("task/cancel", { task: taskOf(target) }),
    accept: (target) => shim.resolve(patchOf(target), "accept"),
    refuse: (target) => shim.resolve(patchOf(target), "refuse"),
    undo: (target) => shim.request("patch/undo", { patch: patchOf(target) }),
    showTask: (target) => shim.show(taskOf(target)),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`animus.ui.${name}`, run));
  }
  context.subscriptions.push({ dispose: () => void client.dispose() });
  try {
    await client.start();
  } catch (problem) {
    void vscode.window.showErrorMessage(`Animus did not start: ${String(problem)}. Set animus.server.path to the animus program.`);
  }
  return { client, tasks: shim.tasks, tree: shim.tree, onEvent: shim.tasks.onEvent };
}
