// What the server asks of the editor: answered by the editor's own language servers. No document of the user is changed or shown.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";

interface Place { uri: string; position: { line: number; character: number } }
interface Range { start: { line: number; character: number }; end: { line: number; character: number } }
interface Diagnostic { range: Range; message: string; severity: number; source?: string; code?: string | number }
type Side = { uri: string } | { text: string; title: string };
type Answer = (params: never, token: vscode.CancellationToken) => unknown;

const TEXT = "animus-text";
// A language server that starts for the first question answers nothing at first.
const START = 1_500;
// Diagnostics that did not change for so long are taken for all there are.
const QUIET = 1_500;
const TYPESCRIPT = ["typescript", "typescriptreact", "javascript", "javascriptreact"];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Intelligence implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  private readonly texts = new Map<string, string>();

  constructor(private readonly client: LanguageClient) {
    const answers: Record<string, Answer> = {
      definition: (place: Place, token) => this.places("vscode.executeDefinitionProvider", place, token),
      references: (place: Place, token) => this.places("vscode.executeReferenceProvider", place, token),
      rename: (asked: Place & { newName: string }) => this.rename(asked),
      symbols: ({ query }: { query: string }) => this.symbols(query),
      selection: () => this.selection(),
      diagnostics: ({ uris, hidden }: { uris?: string[]; hidden?: string[] }, token) => (hidden ? this.hidden(uris ?? [], token) : this.diagnostics(uris)),
      openDiff: (sides: { left: Side; right: Side; title: string }) => this.openDiff(sides),
    };
    this.subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(TEXT, { provideTextDocumentContent: (uri) => this.texts.get(uri.toString()) ?? "" }),
      ...Object.entries(answers).map(([name, answer]) => client.onRequest(`animus/client/${name}`, (params, token) => answer(params as never, token))),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private uri(text: string): vscode.Uri {
    return this.client.protocol2CodeConverter.asUri(text);
  }

  private range(range: vscode.Range): Range {
    return this.client.code2ProtocolConverter.asRange(range);
  }

  private location(uri: vscode.Uri, range: vscode.Range) {
    return { uri: this.client.code2ProtocolConverter.asUri(uri), range: this.range(range) };
  }

  private async at({ uri, position }: Place): Promise<[vscode.Uri, vscode.Position]> {
    const document = await vscode.workspace.openTextDocument(this.uri(uri));
    return [document.uri, this.client.protocol2CodeConverter.asPosition(position)];
  }

  private async places(command: string, place: Place, token: vscode.CancellationToken) {
    const [uri, position] = await this.at(place);
    const end = Date.now() + START;
    for (;;) {
      const found = (await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[]>(command, uri, position)) ?? [];
      if (found.length > 0 || Date.now() > end || token.isCancellationRequested) {
        return { locations: found.map((it) => ("uri" in it ? this.location(it.uri, it.range) : this.location(it.targetUri, it.targetSelectionRange ?? it.targetRange))) };
      }
      await sleep(100);
    }
  }

  // The edit is not applied: it becomes a part of the server's draft.
  private async rename(asked: Place & { newName: string }) {
    const [uri, position] = await this.at(asked);
    const edit = await vscode.commands.executeCommand<vscode.WorkspaceEdit>("vscode.executeDocumentRenameProvider", uri, position, asked.newName);
    const entries = edit?.entries() ?? [];
    if (edit && edit.size > entries.length) throw new Error("the rename makes, moves or removes files");
    const convert = this.client.code2ProtocolConverter;
    return { edit: { changes: Object.fromEntries(entries.map(([uri, edits]) => [convert.asUri(uri), edits.map((edit) => convert.asTextEdit(edit))])) } };
  }

  private async symbols(query: string) {
    const found = (await vscode.commands.executeCommand<vscode.SymbolInformation[]>("vscode.executeWorkspaceSymbolProvider", query)) ?? [];
    return { symbols: found.map(({ name, containerName, location }) => ({ name, containerName, location: this.location(location.uri, location.range) })) };
  }

  private selection() {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.uri.scheme !== "file") return null;
    return { ...this.location(editor.document.uri, editor.selection), visible: vscode.window.visibleTextEditors.map(({ document }) => this.client.code2ProtocolConverter.asUri(document.uri)) };
  }

  private wire({ range, message, severity, source, code }: vscode.Diagnostic): Diagnostic {
    return { range: this.range(range), message, severity: severity + 1, source, code: typeof code === "object" ? code.value : code };
  }

  private diagnostics(uris?: string[]) {
    const known = uris ? uris.map((uri): [vscode.Uri, vscode.Diagnostic[]] => [this.uri(uri), vscode.languages.getDiagnostics(this.uri(uri))]) : vscode.languages.getDiagnostics();
    const documents = known.filter(([uri]) => uri.scheme === "file");
    return { documents: documents.map(([uri, found]) => ({ uri: this.client.code2ProtocolConverter.asUri(uri), diagnostics: found.map((one) => this.wire(one)) })) };
  }

  // Reads files that are not the user's, without showing them. VS Code closes such documents by itself after a while.
  private async hidden(uris: string[], token: vscode.CancellationToken) {
    const opened = await Promise.all(uris.map(async (uri) => ({ uri, document: await vscode.workspace.openTextDocument(this.uri(uri)) })));
    const others = opened.filter(({ document }) => !TYPESCRIPT.includes(document.languageId));
    if (others.length > 0) await this.settle(others.map(({ document }) => document.uri), token);
    const documents = [];
    for (const { uri, document } of opened) {
      const found = others.some((other) => other.uri === uri) ? vscode.languages.getDiagnostics(document.uri).map((one) => this.wire(one)) : await this.typescript(document.uri, token);
      documents.push({ uri, diagnostics: found });
    }
    return { documents };
  }

  // Waits until the servers of these documents have answered something, and then say nothing new.
  private async settle(uris: vscode.Uri[], token: vscode.CancellationToken): Promise<void> {
    const wanted = new Set(uris.map(String));
    let last = Date.now();
    const listening = vscode.languages.onDidChangeDiagnostics((event) => {
      if (event.uris.some((uri) => wanted.has(uri.toString()))) last = Date.now();
    });
    const hover = (uri: vscode.Uri) => vscode.commands.executeCommand("vscode.executeHoverProvider", uri, new vscode.Position(0, 0));
    await Promise.allSettled(uris.map(hover));
    last = Date.now();
    while (Date.now() - last < QUIET && !token.isCancellationRequested) await sleep(50);
    listening.dispose();
  }

  // TypeScript's extension publishes diagnostics of documents with a tab only, but passes a question for others on.
  private async typescript(uri: vscode.Uri, token: vscode.CancellationToken): Promise<Diagnostic[]> {
    await vscode.extensions.getExtension("vscode.typescript-language-features")?.activate();
    interface Found { start: { line: number; offset: number }; end: { line: number; offset: number }; text: string; code?: number; category: string; source?: string }
    const ask = async (command: string): Promise<Found[]> => {
      for (;;) {
        const answer = await Promise.resolve(vscode.commands.executeCommand<{ body?: Found[] } | undefined>("typescript.tsserverRequest", command, { file: uri })).catch(() => undefined);
        if (answer?.body) return answer.body;
        if (token.isCancellationRequested) throw new vscode.CancellationError();
        // Its server is not there yet, or has not heard of the document.
        await sleep(100);
      }
    };
    const found = [...(await ask("syntacticDiagnosticsSync")), ...(await ask("semanticDiagnosticsSync"))];
    const at = ({ line, offset }: Found["start"]) => ({ line: line - 1, character: offset - 1 });
    const severity = (category: string) => ({ error: 1, warning: 2 })[category] ?? 3;
    return found.map((one) => ({ range: { start: at(one.start), end: at(one.end) }, message: one.text, severity: severity(one.category), source: one.source ?? "ts", code: one.code }));
  }

  private async openDiff({ left, right, title }: { left: Side; right: Side; title: string }) {
    const side = (side: Side, name: string) => {
      if ("uri" in side) return this.uri(side.uri);
      const uri = vscode.Uri.from({ scheme: TEXT, path: `/${side.title}`, query: `${name}=${Date.now()}` });
      this.texts.set(uri.toString(), side.text);
      return uri;
    };
    await vscode.commands.executeCommand("vscode.diff", side(left, "left"), side(right, "right"), title, { preview: true });
    const shown = new Set(vscode.workspace.textDocuments.map(({ uri }) => uri.toString()));
    for (const uri of this.texts.keys()) if (!shown.has(uri)) this.texts.delete(uri);
    return {};
  }
}
