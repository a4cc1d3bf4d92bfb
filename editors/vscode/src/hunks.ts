// Hunks as a person sees them: the lines that go are tinted, what comes stands behind them, and a line of buttons above.
import * as vscode from "vscode";
import type { FileChange, HunkState, Patch, Place } from "./wire";

// A hunk, with its number through all files of its patch.
export interface Item {
  patch: string;
  title: string;
  path: string;
  op: FileChange["op"];
  hunk: number;
  number: number;
  of: number;
  state: HunkState;
  text: string;
  waits: boolean;
  hidden: boolean;
  live?: Place;
}

export function itemsOf(patch: Patch): Item[] {
  const hunks = patch.files.flatMap((file) => file.hunks.map((hunk) => ({ file, hunk })));
  return hunks.map(({ file, hunk }, at) => ({
    patch: patch.id,
    title: patch.title,
    path: file.path,
    op: file.op,
    hunk: hunk.index,
    number: at + 1,
    of: hunks.length,
    state: hunk.state,
    text: hunk.text,
    waits: patch.state === "proposed",
    hidden: hunk.hidden === true,
    ...(hunk.live ? { live: hunk.live } : {}),
  }));
}

// Whether a line (from 0) belongs to the hunk; where it only inserts, either side of the place does.
export function touches(item: Item, line: number): boolean {
  if (!item.live) return false;
  const first = item.live.start - 1;
  return item.live.lines === 0 ? line === first || line === first - 1 : line >= first && line < first + item.live.lines;
}

// The line (from 0) at which the hunk is shown.
export function place(item: Item, document: vscode.TextDocument): number {
  return Math.max(0, Math.min((item.live?.start ?? 1) - 1, document.lineCount - 1));
}

const colour = (id: string) => new vscode.ThemeColor(id);

// Decorations and code lenses of all editors.
export class Sketch implements vscode.CodeLensProvider, vscode.Disposable {
  readonly onDidChangeCodeLenses: vscode.Event<void>;
  private readonly removed = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: colour("diffEditor.removedLineBackground"),
    overviewRulerColor: colour("editorOverviewRuler.modifiedForeground"),
  });
  private readonly added = vscode.window.createTextEditorDecorationType({
    after: { margin: "0 0 0 2em", backgroundColor: colour("editor.background"), color: colour("gitDecoration.addedResourceForeground") },
  });
  private readonly accepted = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    borderWidth: "0 0 0 2px",
    borderStyle: "solid",
    borderColor: colour("editorGutter.addedBackground"),
  });
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly items: (document: vscode.TextDocument) => Item[],
    private readonly overtyped: (document: vscode.TextDocument) => Item[],
    onChange: vscode.Event<void>,
  ) {
    this.onDidChangeCodeLenses = onChange;
    this.subscriptions = [
      this.removed,
      this.added,
      this.accepted,
      onChange(() => vscode.window.visibleTextEditors.forEach((editor) => this.draw(editor))),
      vscode.languages.registerCodeLensProvider({ scheme: "file" }, this),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    return [...this.overtyped(document), ...this.items(document)].flatMap((item) => {
      const range = document.lineAt(place(item, document)).range;
      const target = { patch: item.patch, path: item.path, hunk: item.hunk };
      const lens = (title: string, name: string, tooltip?: string) =>
        new vscode.CodeLens(range, { title, command: `animus.ui.${name}`, arguments: [target], ...(tooltip ? { tooltip } : {}) });
      const number = `hunk ${item.number}/${item.of}`;
      if (item.state === "accepted") return item.waits ? [lens(`Undo ${number}`, "hunk.undo", item.title)] : [];
      // It stands at the top of the file: where it belonged is no longer known.
      if (!item.live) return [lens(`You changed the lines of ${number}`, "hunk.edit", "Shows what it would make of them"), lens("Refuse", "hunk.refuse")];
      return [
        lens(`Accept ${number}`, "hunk.accept", item.title),
        lens("Refuse", "hunk.refuse"),
        lens("Edit", "hunk.edit"),
        lens("Diff", "patch.diff"),
        lens("↑", "hunk.previous", "Previous hunk"),
        lens("↓", "hunk.next", "Next hunk"),
      ];
    });
  }

  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    const removed: vscode.DecorationOptions[] = [];
    const added: vscode.DecorationOptions[] = [];
    const accepted: vscode.Range[] = [];
    for (const item of this.items(document)) {
      const { start, lines } = item.live ?? { start: 1, lines: 0 };
      const first = place(item, document);
      const last = Math.min(start + lines - 2, document.lineCount - 1);
      const range = new vscode.Range(first, 0, Math.max(first, last), 0);
      if (item.state === "accepted") {
        if (item.waits && lines > 0) accepted.push(range);
        continue;
      }
      if (lines > 0) removed.push({ range, hoverMessage: hover(item, document) });
      added.push(...additions(item, document, first, last));
    }
    editor.setDecorations(this.removed, removed);
    editor.setDecorations(this.added, added);
    editor.setDecorations(this.accepted, accepted);
  }
}

// What comes: each new line behind the line it replaces, and how many more there are behind the last.
function additions(item: Item, document: vscode.TextDocument, first: number, last: number): vscode.DecorationOptions[] {
  const lines = item.text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  const inserts = item.live?.lines === 0;
  // An insertion stands behind the line above its place.
  const from = inserts ? Math.max(0, Math.min((item.live?.start ?? 1) - 2, document.lineCount - 1)) : first;
  const to = inserts ? from : last;
  const options: vscode.DecorationOptions[] = [];
  for (let line = from; line <= to && line - from < lines.length; line += 1) {
    const more = line === to ? lines.length - (to - from) - 1 : 0;
    const text = lines[line - from] + (more > 0 ? ` … ${more} more` : "");
    const end = document.lineAt(line).range.end;
    const contentText = `${inserts ? "+" : "→"} ${text.replace(/\t/g, "    ")}`.replace(/ /g, "\u00a0");
    options.push({ range: new vscode.Range(end, end), renderOptions: { after: { contentText } }, hoverMessage: hover(item, document) });
  }
  return options;
}

export function hover(item: Item, document: vscode.TextDocument): vscode.MarkdownString {
  const text = new vscode.MarkdownString(`hunk ${item.number}/${item.of} · `);
  text.appendText(item.title);
  text.appendCodeblock(item.text, document.languageId);
  const link = (title: string, name: string) => {
    const said = encodeURIComponent(JSON.stringify([{ patch: item.patch, path: item.path, hunk: item.hunk }]));
    // Where it stands, a bracket would end the link.
    const target = said.replaceAll("(", "%28").replaceAll(")", "%29");
    return `[${title}](command:animus.ui.hunk.${name}?${target})`;
  };
  text.appendMarkdown(["accept", "refuse", "edit"].map((name) => link(name, name)).join(" · "));
  text.isTrusted = { enabledCommands: ["animus.ui.hunk.accept", "animus.ui.hunk.refuse", "animus.ui.hunk.edit"] };
  return text;
}
