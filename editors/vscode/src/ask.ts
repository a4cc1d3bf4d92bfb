// Ask: what a person wants, with what the agent should look at as chips that come and go, and a history.
import * as vscode from "vscode";
import { plain } from "./wire";

export interface Chip {
  id: "selection" | "file" | "problems" | "editors" | "session" | `chosen ${string}`;
  label: string;
  detail?: string;
  on: boolean;
}

export interface Start { prompt: string; intent: string; uri?: string; range?: unknown; diagnostics?: string[]; context?: string[]; session?: string }

// What the window holds, and how ranges are written on the wire.
export interface Here {
  path(uri: vscode.Uri): string | undefined;
  uri(uri: vscode.Uri): string;
  range(range: vscode.Range): unknown;
  session: string | undefined;
}

interface Row extends vscode.QuickPickItem { chip?: Chip; send?: boolean; choose?: boolean; said?: string }

const HISTORY = "animus.history";
const KEPT = 50;
const severities = ["error", "warning", "information", "hint"];

export class Ask {
  readonly chips: Chip[] = [];
  private readonly editor: vscode.TextEditor | undefined;
  private readonly path: string | undefined;

  constructor(
    private readonly here: Here,
    private readonly memory: vscode.Memento,
  ) {
    const { activeTextEditor: editor } = vscode.window;
    this.path = editor && here.path(editor.document.uri);
    this.editor = this.path === undefined ? undefined : editor;
    if (this.editor && this.path !== undefined) {
      const { selection } = this.editor;
      const lines = `lines ${selection.start.line + 1}-${selection.end.line + 1}`;
      if (!selection.isEmpty) this.chips.push({ id: "selection", label: "Selection", detail: `${this.path}, ${lines}`, on: true });
      this.chips.push({ id: "file", label: "This file", detail: this.path, on: selection.isEmpty });
      const problems = this.problems().length;
      if (problems > 0) this.chips.push({ id: "problems", label: "Problems of this file", detail: `${problems}`, on: false });
    }
    const others = this.others().length;
    if (others > 0) this.chips.push({ id: "editors", label: "Open editors", detail: this.others().join(", "), on: false });
    if (here.session) this.chips.push({ id: "session", label: "Go on in the last session", on: false });
  }

  // Most recent first.
  get history(): string[] {
    return this.memory.get<string[]>(HISTORY, []);
  }

  toggle(id: Chip["id"], on?: boolean): void {
    const chip = this.chips.find((chip) => chip.id === id);
    if (chip) chip.on = on ?? !chip.on;
    // What was chosen by hand goes once it is off.
    if (chip && !chip.on && id.startsWith("chosen ")) this.chips.splice(this.chips.indexOf(chip), 1);
  }

  // Files and folders of the workspace.
  add(uris: readonly vscode.Uri[]): void {
    for (const uri of uris) {
      const path = this.here.path(uri);
      if (path === undefined) void vscode.window.showWarningMessage(`${plain(uri.fsPath)} is not in the workspace.`);
      else if (!this.chips.some(({ id }) => id === `chosen ${path}`)) this.chips.push({ id: `chosen ${path}`, label: path, on: true });
    }
  }

  // The params of `task/start`; the prompt is remembered.
  async start(prompt: string, intent = "do"): Promise<Start> {
    await this.memory.update(HISTORY, [prompt, ...this.history.filter((said) => said !== prompt)].slice(0, KEPT));
    const on = (id: Chip["id"]) => this.chips.some((chip) => chip.id === id && chip.on);
    const start: Start = { prompt, intent };
    const context = this.chips.flatMap(({ id, on }) => (on && id.startsWith("chosen ") ? [id.slice("chosen ".length)] : []));
    if (on("editors")) context.push(...this.others());
    if (this.editor && this.path !== undefined) {
      const { document, selection } = this.editor;
      if (on("selection") || on("problems")) start.uri = this.here.uri(document.uri);
      if (on("selection")) start.range = this.here.range(selection);
      if (on("problems")) start.diagnostics = this.problems().map(({ severity, message }) => `${severities[severity]}: ${message}`);
      if (on("file")) context.push(this.path);
    }
    if (context.length > 0) start.context = [...new Set(context)];
    if (on("session") && this.here.session) start.session = this.here.session;
    return start;
  }

  // Lets a person write the prompt and choose the chips.
  async input(): Promise<Start | undefined> {
    const box = vscode.window.createQuickPick<Row>();
    box.title = "Ask Agent";
    box.placeholder = "What should be done? Enter sends it; choose a row below to add or remove what the agent should look at";
    box.ignoreFocusOut = true;
    // Where the rows are drawn again, the chosen one stays.
    const draw = (active?: Row) => {
      box.items = this.rows(box.value);
      const again = box.items.find((row) => active?.chip && row.chip?.id === active.chip.id);
      if (again) box.activeItems = [again];
    };
    draw();
    const subscriptions = [box, box.onDidChangeValue(() => draw())];
    const prompt = await new Promise<string | undefined>((done) => {
      let choosing = false;
      box.onDidHide(() => choosing || done(undefined));
      box.onDidAccept(async () => {
        const row = box.activeItems[0];
        if (row?.chip) {
          this.toggle(row.chip.id);
          draw(row);
        } else if (row?.choose) {
          choosing = true;
          this.add((await vscode.window.showOpenDialog({ canSelectFiles: true, canSelectFolders: true, canSelectMany: true, openLabel: "Show to Agent" })) ?? []);
          choosing = false;
          draw();
          box.show();
        } else if (row?.said !== undefined) {
          box.value = row.said;
          draw();
        } else if (box.value.trim()) {
          done(box.value.trim());
        }
      });
      box.show();
    });
    for (const subscription of subscriptions) subscription.dispose();
    return prompt === undefined ? undefined : this.start(prompt);
  }

  // The rows of the input: what is sent, the chips, the history.
  rows(value: string): Row[] {
    const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });
    const chips = this.chips.map((chip): Row => ({ label: `$(${chip.on ? "check" : "add"}) ${plain(chip.label)}`, ...(chip.detail ? { description: plain(chip.detail) } : {}), alwaysShow: true, chip }));
    return [
      { label: value.trim() ? `$(send) ${plain(value.trim())}` : "$(send) Type what should be done", alwaysShow: true, send: true },
      separator("shown to the agent"),
      ...chips,
      { label: "$(add) Files or folders…", alwaysShow: true, choose: true },
      ...(this.history.length > 0 ? [separator("asked before")] : []),
      // What is typed is sent, and not merely found again.
      ...this.history.filter((said) => said !== value.trim()).map((said): Row => ({ label: plain(said), said })),
    ];
  }

  private problems(): vscode.Diagnostic[] {
    return this.editor ? vscode.languages.getDiagnostics(this.editor.document.uri).slice(0, 50) : [];
  }

  // The other files that are open.
  private others(): string[] {
    const inputs = vscode.window.tabGroups.all.flatMap((group) => group.tabs.map((tab) => tab.input));
    const paths = inputs.flatMap((input) => (input instanceof vscode.TabInputText ? [this.here.path(input.uri)] : []));
    return [...new Set(paths)].filter((path): path is string => path !== undefined && path !== this.path);
  }
}
