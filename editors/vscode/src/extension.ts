// The shim between VS Code and `animus lsp`: starts the client, shows tasks and hunks. Decisions are the server's.
import * as vscode from "vscode";
import { type Executable, LanguageClient, type MessageActionItem, MessageType, type ShowMessageRequestParams, State, type StaticFeature } from "vscode-languageclient/node";
import { Approvals } from "./approvals";
import { Ask, type Here, type Start } from "./ask";
import { Chat } from "./chat";
import { Intelligence } from "./intelligence";
import { Life } from "./life";
import { Review, type Target } from "./review";
import { Saver } from "./save";
import { options } from "./settings";
import { menu, StatusBar } from "./status";
import { Tasks } from "./tasks";
import { HunkFiles, Proposed } from "./texts";
import { type Node, TaskTree } from "./tree";
import { announced, type Approval, type Batch, type Event, hinted, type Model, type Patch, plain, type Status, type TaskView, type Update } from "./wire";

export interface Api {
  client: LanguageClient;
  life: Life;
  tasks: Tasks;
  tree: TaskTree;
  review: Review;
  approvals: Approvals;
  status: StatusBar;
  chat: Chat;
  ask(): Ask;
  onEvent: vscode.Event<Event>;
  stands(status: Status): void;
}

const negotiation: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), animus: announced };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

function createClient(saver: Saver, executable: Executable, context: vscode.ExtensionContext): LanguageClient {
  const client = new LanguageClient("animus", "Animus", executable, {
    documentSelector: [{ scheme: "file" }],
    middleware: { workspace: { handleApplyEdit: saver.apply } },
    initializationOptions: () => options(context),
  });
  client.registerFeature(negotiation);
  return client;
}

class Shim {
  readonly tasks: Tasks;
  readonly tree: TaskTree;
  readonly review = new Review((verb, params, asked) => this.request(verb, params, asked));
  readonly view: vscode.TreeView<Node>;
  readonly log = vscode.window.createOutputChannel("Animus Tasks", "markdown");
  readonly approvals = new Approvals(async (approval, { kind, scope }) => {
    // Where it did not arrive, the question is asked again.
    if (!(await this.request("approval/resolve", { approval, option: kind, scope }))) await this.fetchApprovals();
  });
  readonly status: StatusBar;
  readonly here: Here;
  // Why nothing can be asked, and what the server said last: a problem is said once, by whom ever.
  private problem: string | undefined;
  private heard = "";

  constructor(readonly client: LanguageClient, private readonly saver: Saver, private readonly context: vscode.ExtensionContext) {
    this.tasks = new Tasks(async (task, after) => (await client.sendRequest<{ events: Event[] }>("animus/task/replay", { task, after })).events);
    this.tree = new TaskTree(this.tasks, this.approvals);
    this.status = new StatusBar(this.tasks, this.approvals);
    const { tasks, review } = this;
    this.here = {
      path: (uri) => review.path(uri),
      uri: (uri) => client.code2ProtocolConverter.asUri(uri),
      range: (range) => client.code2ProtocolConverter.asRange(range),
      get session() {
        return [...tasks.all.values()].findLast(({ session }) => session)?.session;
      },
    };
    this.view = vscode.window.createTreeView("animus.tasks", { treeDataProvider: this.tree });
    context.subscriptions.push(this.tasks, this.view, this.log, this.review, this.approvals, this.status, new Intelligence(client));
    this.tasks.onEvent((event) => this.write(event));
    this.approvals.onChange(() => {
      const value = this.approvals.of().length;
      this.view.badge = value > 0 ? { value, tooltip: "The agent waits for you" } : undefined;
    });
    client.onNotification("$/animus/event", (batch: Batch) => {
      const last = batch.events.at(-1);
      if (last) void client.sendNotification("$/animus/ack", { task: batch.task, seq: last.seq });
      this.tasks.receive(batch).catch((problem: unknown) => this.log.appendLine(`events are missing: ${String(problem)}`));
    });
    client.onNotification("$/animus/task", (view: TaskView) => this.tasks.viewed(view));
    client.onNotification("$/animus/patch", (patch: Patch) => void this.patched(patch));
    // After the start, and after each that follows a crash.
    client.onDidChangeState(({ newState }) => void (newState === State.Running ? this.fetch() : this.lost()));
    client.onNotification("$/animus/approval", (approval: Approval) => this.approvals.told(approval));
    client.onNotification("$/animus/status", (status: Status) => this.stands(status));
    client.onNotification("window/showMessage", (params: ShowMessageRequestParams) => void this.message(params));
    client.onRequest("window/showMessageRequest", (params: ShowMessageRequestParams) => this.message(params));
  }

  // What the server says by itself.
  private async message({ type, message, actions = [] }: ShowMessageRequestParams): Promise<MessageActionItem | null> {
    this.heard = message;
    if (this.problem !== undefined && actions.length === 0 && message.includes(this.problem)) return null;
    const { showErrorMessage, showWarningMessage, showInformationMessage } = vscode.window;
    const show = type === MessageType.Error ? showErrorMessage : type === MessageType.Warning ? showWarningMessage : showInformationMessage;
    const answer = await show(plain(message), ...actions.map((action) => ({ title: plain(action.title), action })));
    return answer?.action ?? null;
  }

  // How the server stands. Without a model VS Code says no more than that there are no code actions.
  stands(status: Status): void {
    this.status.told(status);
    const { problem } = status;
    if (problem && problem !== this.problem && !this.heard.includes(problem)) void this.miss(problem);
    this.problem = problem;
  }

  private async miss(problem: string): Promise<void> {
    const answer = await vscode.window.showWarningMessage(plain(`Nothing can be asked: ${problem}`), "Models", "Settings");
    if (answer) await vscode.commands.executeCommand(`animus.ui.${answer.toLowerCase()}`);
  }

  // Sends `animus/VERB`; an error is shown with its hint, unless nobody asked for it.
  async request<T>(verb: string, params: object, asked = true): Promise<T | undefined> {
    try {
      return await this.client.sendRequest<T>(`animus/${verb}`, params);
    } catch (problem) {
      const { message, data } = problem as { message: string; data?: { hint?: string } };
      if (asked) void vscode.window.showErrorMessage(plain(hinted({ message, hint: data?.hint })));
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
        this.log.appendLine(`${update.level}: ${hinted(update)}`);
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
      void vscode.window.showErrorMessage(plain(hinted(end.failure)));
    } else if (waiting) {
      const answer = await vscode.window.showInformationMessage(plain(`The agent proposes: ${waiting.title}`), "Review", "Whole Diff", "Accept", "Refuse");
      if (answer === "Review") await this.review.begin(waiting.id);
      else if (answer === "Whole Diff") await this.reviewDocument(waiting.id);
      else if (answer) await this.resolve(waiting.id, answer === "Accept" ? "accept" : "refuse");
    } else if (end.reason === "no_change") {
      this.log.show(true);
    } else if (end.exitCode !== 0 && end.reason !== "cancelled") {
      void vscode.window.showWarningMessage(plain(`Agent: ${end.reason}. ${end.summary}`));
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
          if (update.type === "phase" && update.phase !== "waiting") progress.report({ message: plain(update.phase) });
          if (update.type === "toolCall") progress.report({ message: plain(update.call.title) });
          // The question's own notification goes after a while; this one stays.
          if (update.type === "approval") progress.report({ message: `waits for you: [Answer…](command:animus.ui.answer)` });
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
    const status = await this.request<Status>("status", {}, false);
    if (status) this.stands(status);
    await this.fetchApprovals();
    for (const patch of await this.review.fetch((patch) => !this.tasks.running(patch.task))) this.tasks.patched(patch);
  }

  private lost(): void {
    for (const { id } of this.tasks.lose()) for (const approval of this.approvals.of(id)) this.approvals.told({ ...approval, state: "rejected" });
  }

  private async fetchApprovals(): Promise<void> {
    const open = (await this.request<{ approvals: Approval[] }>("approval/list", {}, false))?.approvals ?? [];
    for (const known of this.approvals.of()) if (!open.some(({ id }) => id === known.id)) this.approvals.told({ ...known, state: "rejected" });
    for (const approval of open) this.approvals.told(approval);
  }

  async resolve(patch: string | undefined, resolution: "accept" | "refuse"): Promise<void> {
    const id = patch ?? this.review.waiting()?.id ?? this.tasks.newest("proposed")?.id;
    if (id) await this.request("patch/resolve", { patch: id, resolution });
    else void vscode.window.showInformationMessage("No patch waits for an answer.");
  }

  begin(start: Start): Promise<{ task: string; session: string } | undefined> {
    return this.request("task/start", start);
  }

  asking(): Ask {
    return new Ask(this.here, this.context.workspaceState);
  }

  async ask(prompt?: string): Promise<unknown> {
    const ask = this.asking();
    const start = prompt ? await ask.start(prompt) : await ask.input();
    return start && this.begin(start);
  }

  // Says something to a task that runs.
  async steer(id?: string, words?: string): Promise<void> {
    const task = id ?? this.tasks.current?.id;
    if (!task) return void vscode.window.showInformationMessage("No task runs.");
    const title = this.tasks.all.get(task)?.title ?? task;
    const text = words ?? (await vscode.window.showInputBox({ title: "Say Something to the Task", prompt: plain(title), ignoreFocusOut: true }));
    if (text) await this.request("task/steer", { task, text });
  }

  // The patch as one diff with its decisions; the server opens it.
  async reviewDocument(patch?: string): Promise<void> {
    await this.request("patch/review", patch ? { patch } : {});
  }

  async tellStatus(): Promise<void> {
    const status = await this.request<Status>("status", {});
    if (!status) return;
    const { version, root, sandbox, models, index, problem } = status;
    const roles = models.map(({ role, model }) => `${role}: ${model}`);
    const detail = [problem, root, ...roles, `commands are held by: ${sandbox.join(", ")}`, `index: ${index.state}, ${index.files} of ${index.total} files`];
    await vscode.window.showInformationMessage(`Animus ${version}`, { modal: true, detail: detail.filter(Boolean).join("\n") });
  }

  async tellModels(): Promise<void> {
    const models = (await this.request<{ models: Model[] }>("models", {}))?.models ?? [];
    const rows = models.map(({ role, model, name, scripted }) => ({ label: plain(role), description: plain(model), detail: plain(scripted ? `${name}, from a script` : name) }));
    const chosen = await vscode.window.showQuickPick(rows, { title: "Models", placeHolder: rows.length > 0 ? "Which model does what; choose one to change it" : "No model is set up" });
    if (chosen || rows.length === 0) await vscode.commands.executeCommand("animus.ui.settings", "strategy");
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
  const executable: Executable = { command: "animus", args: ["lsp"] };
  const client = createClient(saver, executable, context);
  const shim = new Shim(client, saver, context);
  const { tasks, tree, review, approvals, status } = shim;
  const life = new Life(client, executable, context, () => tasks.current !== undefined, (trouble) => status.broken(trouble));
  const chat = new Chat(tasks, (start) => shim.begin(start), (task) => void shim.request("task/cancel", { task }), shim.here);
  registerReview(shim, context);
  const patchOf = (target?: Node | string) => (typeof target === "string" ? target : target?.task.patch?.id);
  const taskOf = (target?: Node | string) => (typeof target === "string" ? target : target?.task.id);
  const questionOf = (target?: Node | string) => (typeof target === "string" ? target : target?.kind === "leaf" ? target.approval : undefined);
  const commands: Record<string, (target?: Node | string, more?: unknown) => Promise<unknown>> = {
    ask: (target) => shim.ask(typeof target === "string" ? target : undefined),
    cancel: (target) => shim.request("task/cancel", { task: taskOf(target) }),
    steer: (target, words) => shim.steer(taskOf(target), typeof words === "string" ? words : undefined),
    accept: (target) => shim.resolve(patchOf(target), "accept"),
    refuse: (target) => shim.resolve(patchOf(target), "refuse"),
    undo: (target) => shim.request("patch/undo", { patch: patchOf(target) }),
    review: (target) => shim.reviewDocument(patchOf(target)),
    answer: (target) => approvals.pick(questionOf(target)),
    allow: (target) => approvals.answer(questionOf(target), "allow"),
    reject: (target) => approvals.answer(questionOf(target), "reject"),
    showTask: (target) => shim.show(taskOf(target)),
    menu: () => menu(tasks, approvals),
    status: () => shim.tellStatus(),
    models: () => shim.tellModels(),
    settings: (section) => Promise.resolve(vscode.commands.executeCommand("workbench.action.openSettings", typeof section === "string" ? `animus.config.${section}` : "@ext:animus.animus")),
    restart: () => life.restart(),
  };
  for (const [name, run] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`animus.ui.${name}`, run));
  }
  const participant = chat.register(vscode.Uri.joinPath(context.extensionUri, "icon.png"));
  context.subscriptions.push(life, { dispose: () => void client.dispose() }, ...(participant ? [participant] : []));
  await life.begin();
  return { client, life, tasks, tree, review, approvals, status, chat, ask: () => shim.asking(), onEvent: tasks.onEvent, stands: (status) => shim.stands(status) };
}
