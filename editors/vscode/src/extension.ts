// The shim between VS Code and `animus lsp`: starts the client, shows tasks and hunks. Decisions are the server's.
import * as vscode from "vscode";
import { LanguageClient, State, type StaticFeature } from "vscode-languageclient/node";
import { Review, type Target } from "./review";
import { Saver } from "./save";
import { Tasks } from "./tasks";
import { HunkFiles, Proposed } from "./texts";
import { type Node, TaskTree } from "./tree";
import { announced, type Approval, type Batch, type Event, type Patch, type TaskView, type Update } from "./wire";

export interface Api {
  client: LanguageClient;
  tasks: Tasks;
  tree: TaskTree;
  review: Review;
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

function createClient(saver: Saver): LanguageClient {
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
      middleware: { workspace: { handleApplyEdit: saver.apply } },
      initializationOptions: { animus: land === "auto" || land === "review" ? { land } : {} },
    },
  );
  client.registerFeature(negotiation);
  return client;
}

class Shim {
  readonly tasks: Tasks;
  readonly tree: TaskTree;
  readonly review = new Review((verb, params, asked) => this.request(verb, params, asked));
  readonly view: vscode.TreeView<Node>;
  readonly log = vscode.window.createOutputChannel("Animus Tasks", "markdown");

  constructor(readonly client: LanguageClient, private readonly saver: Saver, context: vscode.ExtensionContext) {
    this.tasks = new Tasks(async (task, after) => (await client.sendRequest<{ events: Event[] }>("animus/task/replay", { task, after })).events);
    this.tree = new TaskTree(this.tasks);
    this.view = vscode.window.createTreeView("animus.tasks", { treeDataProvider: this.tree });
    context.subscriptions.push(this.tasks, this.view, this.log, this.review);
    this.tasks.onEvent((event) => this.write(event));
    client.onNotification("$/animus/event", (batch: Batch) => {
      const last = batch.events.at(-1);
      if (last) void client.sendNotification("$/animus/ack", { task: batch.task, seq: last.seq });
      this.tasks.receive(batch).catch((problem: unknown) => this.log.appendLine(`events are missing: ${String(problem)}`));
    });
    client.onNotification("$/animus/task", (view: TaskView) => this.tasks.viewed(view));
    client.onNotification("$/animus/patch", (patch: Patch) => void this.patched(patch));
    // After the start, and after each that follows a crash.
    client.onDidChangeState(({ newState }) => void (newState === State.Running && this.fetch()));
    client.onNotification("$/animus/approval", (approval: Approval) => void this.approve(approval));
  }

  // Sends `animus/VERB`; an error is shown with its hint, unless nobody asked for it.
  async request<T>(verb: string, params: object, asked = true): Promise<T | undefined> {
    try {
      return await this.client.sendRequest<T>(`animus/${verb}`, params);
    } catch (problem) {
      const { message, data } = problem as { message: string; data?: { hint?: string } };
      if (asked) void vscode.window.showErrorMessage([message, data?.hint].filter(Boolean).join(" "));
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
    const waiting = landed || patch?.state !== "proposed" ? undefined : patch;
    if (waiting) this.review.follow(waiting);
    if (end.failure) {
      void vscode.window.showErrorMessage([end.failure.message, end.failure.hint].filter(Boolean).join(" "));
    } else if (waiting) {
      const answer = await vscode.window.showInformationMessage(`The agent proposes: ${waiting.title}`, "Review", "Accept", "Refuse");
      if (answer === "Review") await this.review.go(1);
      else if (answer) await this.resolve(waiting.id, answer === "Accept" ? "accept" : "refuse");
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
    const over = !this.tasks.running(patch.task);
    if (over && patch.state === "proposed") this.review.follow(patch);
    else this.review.patched(patch);
    await this.saver.save(patch);
  }

  // The patches that wait since before this window, and those of other windows.
  async fetch(): Promise<void> {
    for (const patch of await this.review.fetch((patch) => !this.tasks.running(patch.task))) this.tasks.patched(patch);
  }

  private async approve(approval: Approval): Promise<void> {
    if (approval.state !== "pending") return;
    const answer = await vscode.window.showWarningMessage(
      approval.title,
      { modal: true, detail: [...approval.details, "", ...approval.reasons].join("\n") },
      ...approval.options.map((option) => option.name),
    );
    const option = approval.options.find((option) => option.name === answer);
    await this.request("approval/resolve", { approval: approval.id, option: option?.kind ?? "reject_once", scope: option?.scope });
  }

  async resolve(patch: string | undefined, resolution: "accept" | "refuse"): Promise<void> {
    const id = patch ?? this.review.waiting()?.id ?? this.tasks.newest("proposed")?.id;
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

// The commands of a review. Each takes the hunk it is about, or takes the one at the cursor.
function registerReview(shim: Shim, context: vscode.ExtensionContext): void {
  const { review } = shim;
  const proposed = new Proposed(review);
  const hunks = new HunkFiles(review);
  const say = (text: string) => void vscode.window.showInformationMessage(text);
  // Menus pass what they belong to; only a hunk or a file of a patch is meant here.
  const asTarget = (said: unknown): Target | undefined => {
    const { patch, path, hunk } = (said ?? {}) as Partial<Target>;
    return typeof patch === "string" ? { patch, path, hunk } : undefined;
  };
  const aHunk = (state: "pending" | "accepted", run: (target: Target) => Promise<void>) => async (said?: unknown) => {
    const target = asTarget(said ?? review.here(state));
    if (target) await run(target);
    else say(state === "pending" ? "No hunk that waits is at the cursor." : "No accepted hunk is at the cursor.");
  };
  const aFile = (run: (target: Target) => Promise<void>) => async (said?: unknown) => {
    const editor = vscode.window.activeTextEditor;
    const path = editor && review.path(editor.document.uri);
    const patch = review.waiting(path)?.id;
    const target = asTarget(said) ?? (patch ? { patch, path } : undefined);
    if (target) await run({ patch: target.patch, path: target.path });
    else say("No patch waits for an answer.");
  };
  const go = (step: 1 | -1) => async (said?: unknown) => {
    if (!(await review.go(step, asTarget(said)))) say("No hunk waits for an answer.");
  };
  const commands: Record<string, (said?: unknown) => Promise<void>> = {
    "hunk.accept": aHunk("pending", (target) => review.resolve(target, "accept")),
    "hunk.refuse": aHunk("pending", (target) => review.resolve(target, "refuse")),
    "hunk.edit": aHunk("pending", (target) => hunks.open(target)),
    "hunk.undo": aHunk("accepted", (target) => review.undo(target)),
    "hunk.next": go(1),
    "hunk.previous": go(-1),
    "patch.acceptFile": aFile((target) => review.resolve(target, "accept")),
    "patch.refuseFile": aFile((target) => review.resolve(target, "refuse")),
    "patch.diff": aFile((target) => proposed.open(target)),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`animus.ui.${name}`, run));
  }
  context.subscriptions.push(proposed, hunks);
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const saver = new Saver();
  context.subscriptions.push(saver);
  const client = createClient(saver);
  const shim = new Shim(client, saver, context);
  registerReview(shim, context);
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
  return { client, tasks: shim.tasks, tree: shim.tree, review: shim.review, onEvent: shim.tasks.onEvent };
}
