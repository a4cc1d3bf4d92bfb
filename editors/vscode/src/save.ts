// Saving: an applied edit is not on disk yet. A document that held nothing unsaved before the server's edits is saved behind them;
// text that the user did not save stays unsaved.
import * as vscode from "vscode";
import type { WorkspaceMiddleware } from "vscode-languageclient";
import type { Patch } from "./wire";

// How long nothing may have been typed before a document is saved: saving takes the text of that moment, whatever came meanwhile.
const QUIET = 250;

type Apply = NonNullable<WorkspaceMiddleware["handleApplyEdit"]>;

export class Saver implements vscode.Disposable {
  // Documents that the server's edits touched: their version since, and whether they held nothing unsaved before.
  private readonly touched = new Map<string, { version: number; clean: boolean }>();
  // Documents that were typed in while they were being saved: VS Code calls them clean, and they are not.
  private readonly amid = new Set<string>();
  private readonly saved = vscode.workspace.onDidSaveTextDocument((document) => void this.amid.delete(document.uri.toString()));

  dispose(): void {
    this.saved.dispose();
  }

  // Applies an edit of the server. VS Code would save whatever a refactoring touched, the user's unsaved text too, so it is not
  // told that this is one.
  readonly apply: Apply = async (params, next) => {
    const uris = (params.edit.documentChanges ?? []).flatMap((change) => ("textDocument" in change ? [vscode.Uri.parse(change.textDocument.uri).toString()] : []));
    const before = uris.map((uri) => ({ uri, clean: this.clean(uri), version: this.document(uri)?.version }));
    const { metadata: _, ...edit } = params;
    const answer = await next(edit, new vscode.CancellationTokenSource().token);
    const applied = !!answer && "applied" in answer && answer.applied;
    for (const { uri, clean, version } of applied ? before : []) {
      const now = this.document(uri)?.version;
      // An edit is one version; what is typed behind it may be there already.
      if (now !== undefined) this.touched.set(uri, { version: version === undefined ? now : version + 1, clean });
    }
    return answer;
  };

  // Saves what the setting allows of a patch's files.
  async save(patch: Patch): Promise<void> {
    // The user's own word: a repository must not have unsaved text saved.
    const wanted = vscode.workspace.getConfiguration("animus").inspect<string>("save")?.globalValue ?? "clean";
    const root = vscode.workspace.workspaceFolders?.[0]?.uri;
    if (!root || wanted === "none") return;
    await new Promise((resolve) => setTimeout(resolve, QUIET));
    for (const file of patch.files) {
      const uri = vscode.Uri.joinPath(root, file.path).toString();
      const document = this.document(uri);
      if (!document?.isDirty || !this.touched.has(uri) || !(wanted === "all" || this.clean(uri))) continue;
      this.touched.delete(uri);
      const { version } = document;
      await document.save();
      if (document.version !== version) this.amid.add(uri);
    }
  }

  private clean(uri: string): boolean {
    const document = this.document(uri);
    const edited = this.touched.get(uri);
    return !(document?.isDirty || this.amid.has(uri)) || (edited?.clean === true && edited.version === document?.version);
  }

  private document(uri: string): vscode.TextDocument | undefined {
    return vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
  }
}
