// Review: the patches that wait, hunk by hunk. The server decides what is decided and where a hunk is; here it is asked and told.
import * as vscode from "vscode";
import { type Item, itemsOf, place, Sketch, touches } from "./hunks";
import type { Patch, Resolution } from "./wire";

type Request = <T>(verb: string, params: object, asked?: boolean) => Promise<T | undefined>;

// What a command is about: an item's place in its patch.
export interface Target { patch: string; path?: string | undefined; hunk?: number | undefined }

// Decided patches whose hunks can still be taken back one by one.
const DECIDED = 8;
// How long typing must rest before the server is asked where the hunks are now.
const REST = 120;

export class Review implements vscode.Disposable {
  // Patches that wait, or waited, for a person in this window.
  private readonly patches = new Map<string, Patch>();
  private readonly changes = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  private readonly sketch: Sketch;
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<void> | undefined;
  // What is shown may differ now.
  readonly onChange = this.changes.event;

  constructor(private readonly request: Request) {
    this.sketch = new Sketch((document) => this.items(document.uri), (document) => this.overtyped(document.uri), this.onChange);
    this.subscriptions = [
      this.changes,
      this.sketch,
      vscode.workspace.onDidChangeTextDocument((event) => this.typed(event)),
      vscode.window.onDidChangeVisibleTextEditors(() => this.show()),
      vscode.window.onDidChangeTextEditorSelection(() => this.tellContext()),
      // Another window may have decided meanwhile.
      vscode.window.onDidChangeWindowState((state) => void (state.focused && this.fetch())),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  // Fetches the patches that wait: those of earlier sessions, and those of other windows.
  async fetch(waits: (patch: Patch) => boolean = () => true): Promise<Patch[]> {
    const patches = (await this.request<{ patches: Patch[] }>("patch/list", {}, false))?.patches ?? [];
    const found = patches.filter((patch) => this.patches.has(patch.id) || (patch.state === "proposed" && waits(patch)));
    for (const patch of found) this.follow(patch);
    return found;
  }

  // Shows the hunks of a patch from here on.
  follow(patch: Patch): void {
    this.patches.set(patch.id, patch);
    const decided = [...this.patches.values()].filter(({ state }) => state !== "proposed");
    for (const old of decided.slice(0, -DECIDED)) this.patches.delete(old.id);
    this.later(0);
  }

  // The latest of a patch, from the server.
  patched(patch: Patch): void {
    if (this.patches.has(patch.id)) this.follow(patch);
  }

  // The hunks of a file that are shown, in the order of the text.
  items(uri: vscode.Uri): Item[] {
    const path = this.path(uri);
    return [...this.patches.values()]
      .flatMap(itemsOf)
      .filter((item) => item.path === path && item.live && (item.state === "pending" || item.state === "accepted"))
      .sort((a, b) => (a.live?.start ?? 0) - (b.live?.start ?? 0));
  }

  // The hunks of a file that wait and have no place any more: their lines were changed.
  overtyped(uri: vscode.Uri): Item[] {
    const path = this.path(uri);
    return [...this.patches.values()].flatMap(itemsOf).filter((item) => item.path === path && item.waits && item.op === "modify" && item.state === "pending" && !item.live && !item.hidden);
  }

  patch(id: string): Patch | undefined {
    return this.patches.get(id);
  }

  // A patch, also one whose hunks are not shown yet because its task still says something.
  async sought(id: string): Promise<Patch | undefined> {
    return this.patches.get(id) ?? this.request<Patch>("patch/get", { patch: id });
  }

  item(target: Target): Item | undefined {
    const patch = this.patches.get(target.patch);
    return patch && itemsOf(patch).find((item) => item.path === target.path && item.hunk === target.hunk);
  }

  // The newest patch that waits and touches the file; without one, the newest that waits.
  waiting(path?: string): Patch | undefined {
    const all = [...this.patches.values()].filter((patch) => patch.state === "proposed").sort((a, b) => (a.created < b.created ? -1 : 1));
    return all.filter((patch) => patch.files.some((file) => file.path === path)).at(-1) ?? all.at(-1);
  }

  // Decides hunks; a hunk is no longer shown from here on, and the server says what came of it.
  async resolve(target: Target, resolution: Resolution, text?: string): Promise<void> {
    this.hide(target);
    await this.request("patch/resolve", { ...target, resolution, ...(text === undefined ? {} : { text }) });
    this.later(REST);
  }

  async undo(target: Target): Promise<void> {
    this.hide(target);
    await this.request("patch/undo", target);
    this.later(REST);
  }

  // The hunk at the cursor.
  here(state?: Item["state"]): Item | undefined {
    const editor = vscode.window.activeTextEditor;
    const line = editor?.selection.active.line ?? 0;
    return editor && this.items(editor.document.uri).find((item) => touches(item, line) && (!state || item.state === state));
  }

  // Goes to the hunk that waits `step` (1 or -1) further on: in this file, then in the others of its patch, round and round.
  async go(step: 1 | -1, from?: Target): Promise<boolean> {
    const editor = vscode.window.activeTextEditor;
    const path = editor && this.path(editor.document.uri);
    const patch = (from && this.patches.get(from.patch)) ?? this.waiting(path);
    const all = patch ? itemsOf(patch).filter((item) => item.state === "pending") : [];
    const start = from && this.item(from)?.live;
    const line = start ? start.start : (editor?.selection.active.line ?? -1) + 1;
    const first = (item: Item) => item.live?.start ?? 1;
    const order = [...all].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : first(a) - first(b)));
    if (step < 0) order.reverse();
    const beyond = (item: Item) =>
      path === undefined || (item.path === path ? (Math.min(first(item), editor?.document.lineCount ?? 1) - line) * step > 0 : (item.path > path ? 1 : -1) * step > 0);
    const next = order.find(beyond) ?? order[0];
    if (!next) return false;
    await this.open(next);
    return true;
  }

  // Goes to the first hunk of a patch that waits.
  async begin(patch: string): Promise<void> {
    const found = this.patches.get(patch);
    const first = found && itemsOf(found).find((item) => item.state === "pending");
    if (first) await this.open(first);
  }

  // Shows a hunk in its file; a file that is not there yet, as a diff.
  async open(item: Item): Promise<void> {
    if (item.op === "create" && item.state !== "accepted") {
      await vscode.commands.executeCommand("animus.ui.patch.diff", item);
      return;
    }
    const uri = this.uri(item.path);
    if (!uri) return;
    const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    const position = new vscode.Position(place(item, editor.document), 0);
    editor.selection = new vscode.Selection(position, position);
    editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  uri(path: string): vscode.Uri | undefined {
    const root = vscode.workspace.workspaceFolders?.[0]?.uri;
    return root && vscode.Uri.joinPath(root, path);
  }

  path(uri: vscode.Uri): string | undefined {
    const root = vscode.workspace.workspaceFolders?.[0]?.uri;
    const prefix = `${root?.path ?? ""}/`;
    return root && uri.scheme === root.scheme && uri.path.startsWith(prefix) ? uri.path.slice(prefix.length) : undefined;
  }

  // Where the hunks are in the text as it is now. An answer about a text that is no longer there is not shown.
  private async refresh(): Promise<void> {
    const versions = new Map(vscode.workspace.textDocuments.map((document) => [document, document.version]));
    const fresh = await Promise.all([...this.patches.keys()].map((patch) => this.request<Patch>("patch/get", { patch }, false)));
    if ([...versions].some(([document, version]) => document.uri.scheme === "file" && !document.isClosed && document.version !== version)) {
      this.later(REST);
      return;
    }
    for (const patch of fresh) if (patch) this.patches.set(patch.id, patch);
    this.show();
  }

  private later(rest: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const asking = (this.asking ?? Promise.resolve()).then(() => this.refresh());
      this.asking = asking.catch(() => undefined);
    }, rest);
  }

  private hide(target: Target): void {
    for (const file of this.patches.get(target.patch)?.files ?? []) {
      for (const hunk of file.hunks) {
        if (file.path !== target.path || hunk.index !== target.hunk) continue;
        delete hunk.live;
        hunk.hidden = true;
      }
    }
    this.show();
  }

  // Hunks below what was typed move with it at once; the server is asked once typing rests.
  private typed(event: vscode.TextDocumentChangeEvent): void {
    const path = this.path(event.document.uri);
    if (event.contentChanges.length === 0 || path === undefined) return;
    for (const patch of this.patches.values()) {
      for (const { live } of patch.files.filter((file) => file.path === path).flatMap((file) => file.hunks)) {
        if (!live) continue;
        for (const change of event.contentChanges) {
          const lines = change.text.split("\n").length - 1 - (change.range.end.line - change.range.start.line);
          const above = change.range.end.line < live.start - 1 || (change.range.end.line === live.start - 1 && change.range.end.character === 0);
          if (above) live.start += lines;
        }
      }
      if (patch.files.some((file) => file.path === path)) this.later(REST);
    }
    this.tellContext();
  }

  private show(): void {
    this.changes.fire();
    this.tellContext();
  }

  // For key bindings and menus.
  private tellContext(): void {
    const editor = vscode.window.activeTextEditor;
    const pending = !!editor && this.items(editor.document.uri).some((item) => item.state === "pending");
    void vscode.commands.executeCommand("setContext", "animus.pending", pending);
    void vscode.commands.executeCommand("setContext", "animus.waiting", this.waiting() !== undefined);
    void vscode.commands.executeCommand("setContext", "animus.hunk", this.here()?.state ?? "");
  }
}
