// Texts that are no files: a file as the patch would make it, for diffs, and the text of one hunk, to be changed by hand.
import * as vscode from "vscode";
import type { Review, Target } from "./review";
import { plain } from "./wire";

const PROPOSED = "animus-proposed";
const HUNK = "animus-hunk";

// The whole lines of a text, endings included.
function lines(text: string): string[] {
  return text.split(/(?<=\n)/);
}

// The file as accepting all that waits would make it. `side=none` is no text at all: a file before it comes, or after it went.
export class Proposed implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChange = this.changes.event;

  constructor(private readonly review: Review) {
    this.subscriptions = [
      this.changes,
      vscode.workspace.registerTextDocumentContentProvider(PROPOSED, this),
      review.onChange(() => {
        for (const { uri } of vscode.workspace.textDocuments) if (uri.scheme === PROPOSED) this.changes.fire(uri);
      }),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const query = new URLSearchParams(uri.query);
    const path = query.get("path") ?? "";
    const patch = await this.review.sought(query.get("patch") ?? "");
    const file = patch?.files.find((candidate) => candidate.path === path);
    if (!file || query.get("side") === "none") return "";
    const waiting = file.hunks.filter((hunk) => hunk.state === "pending");
    if (file.op === "create") return waiting.map((hunk) => hunk.text).join("");
    const live = this.review.uri(path);
    const text = lines(live ? (await vscode.workspace.openTextDocument(live)).getText() : "");
    for (const { live, text: replacement } of waiting.reverse()) {
      if (live) text.splice(live.start - 1, live.lines, replacement);
    }
    return text.join("");
  }

  // Opens the diff of a file of a patch: as it is now, and as accepting what waits would make it.
  async open(target: Target): Promise<void> {
    const patch = await this.review.sought(target.patch);
    const path = target.path ?? patch?.files[0]?.path;
    const file = patch?.files.find((candidate) => candidate.path === path);
    const live = path === undefined ? undefined : this.review.uri(path);
    if (!file || !live || !patch) return;
    const side = (word: string) => {
      const query = new URLSearchParams({ patch: patch.id, path: file.path, side: word }).toString();
      return vscode.Uri.from({ scheme: PROPOSED, path: live.path, query });
    };
    const left = file.op === "create" ? side("none") : live;
    const right = file.op === "delete" ? side("none") : side("after");
    await vscode.commands.executeCommand("vscode.diff", left, right, plain(`${file.path}: now ↔ ${patch.title}`));
  }
}

// The text of a hunk as a file: saving it puts that text into the user's file instead.
export class HunkFiles implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChangeFile = this.changes.event;

  constructor(private readonly review: Review) {
    this.subscriptions = [this.changes, vscode.workspace.registerFileSystemProvider(HUNK, this)];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  async open(target: Target): Promise<void> {
    const path = `/hunk ${(target.hunk ?? 0) + 1} of ${target.path?.split("/").at(-1) ?? ""}`;
    const uri = vscode.Uri.from({ scheme: HUNK, path, query: JSON.stringify(target) });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
  }

  readFile(uri: vscode.Uri): Uint8Array {
    const item = this.review.item(JSON.parse(uri.query) as Target);
    if (!item) throw vscode.FileSystemError.FileNotFound(uri);
    return new TextEncoder().encode(item.text);
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: this.readFile(uri).length };
  }

  async writeFile(uri: vscode.Uri, content: Uint8Array): Promise<void> {
    const target = JSON.parse(uri.query) as Target;
    await this.review.resolve(target, "edit", new TextDecoder().decode(content));
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const tab = tabs.find(({ input }) => input instanceof vscode.TabInputText && input.uri.toString() === uri.toString());
    // Once it is saved it has done its work; closing it sooner would ask about unsaved text.
    if (tab) setTimeout(() => void vscode.window.tabGroups.close(tab), 200);
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => {});
  }
  readDirectory(): [string, vscode.FileType][] {
    return [];
  }
  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}
