// Saving: an applied edit is not on disk yet. A document that held nothing unsaved before the server's edits is saved behind them;
// text that the user did not save stays unsaved.
import * as vscode from "vscode";
import type { WorkspaceMiddleware } from "vscode-languageclient";
import type { Patch } from "./wire";

type Apply = NonNullable<WorkspaceMiddleware["handleApplyEdit"]>;

export class Saver {
  // Documents that the server's edits touched: their version since, and whether they held nothing unsaved before.
  private readonly touched = new Map<string, { version: number; clean: boolean }>();

  // Applies an edit of the server. VS Code would save whatever a refactoring touched, the user's unsaved text too, so it is not
  // told that this is one.
  readonly apply: Apply = async (params, next) => {
    const uris = (params.edit.documentChanges ?? []).flatMap((change) => ("textDocument" in change ? [vscode.Uri.parse(change.textDocument.uri).toString()] : []));
    const clean = new Set(uris.filter((uri) => this.clean(uri)));
    const { metadata: _, ...edit } = params;
    const answer = await next(edit, new vscode.CancellationTokenSource().token);
    for (const document of vscode.workspace.textDocuments) {
      const uri = document.uri.toString();
      if (uris.includes(uri)) this.touched.set(uri, { version: document.version, clean: clean.has(uri) });
    }
    return answer;
  };

  // Saves what the setting allows of a patch's files.
  async save(patch: Patch): Promise<void> {
    const wanted = vscode.workspace.getConfiguration("animus").get<string>("save");
    const root = vscode.workspace.workspaceFolders?.[0]?.uri;
    if (!root || wanted === "none") return;
    for (const file of patch.files) {
      const uri = vscode.Uri.joinPath(root, file.path).toString();
      const document = this.document(uri);
      if (!document?.isDirty || !this.touched.has(uri) || !(wanted === "all" || this.clean(uri))) continue;
      this.touched.delete(uri);
      await document.save();
    }
  }

  private clean(uri: string): boolean {
    const document = this.document(uri);
    const edited = this.touched.get(uri);
    return !document?.isDirty || (edited?.clean === true && edited.version === document.version);
  }

  private document(uri: string): vscode.TextDocument | undefined {
    return vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri);
  }
}
