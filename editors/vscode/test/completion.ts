// Inline completion in the real extension host: asked for, given up at the next key, and taken.
import * as assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../src/extension";
import { finish, sleep, test as named, wait } from "./check";

const test = named("vscode-completion");

interface Figures {
  model: string;
  asked: number;
  givenUp: number;
  suggested: number;
}

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, "no folder is open");
  const extension = vscode.extensions.getExtension<Api>("animus.animus");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();
  const document = await vscode.workspace.openTextDocument(join(folder.fsPath, "sum.py"));
  const editor = await vscode.window.showTextDocument(document);
  const figures = async () => (await api.client.sendRequest<{ completion?: Figures }>("animus/status", {})).completion;
  const atEnd = () => {
    const end = document.lineAt(1).range.end;
    editor.selection = new vscode.Selection(end, end);
  };

  await test("it_is_offered_once_the_server_wants_it", async () => {
    const offered = () => api.client.getFeature("textDocument/inlineCompletion")?.getProvider(document) !== undefined;
    await wait("the offer", 10_000, offered);
    assert.equal((await figures())?.model, "script/demo");
  });

  // The first answer of the script takes ten minutes.
  await test("a_key_gives_up_what_is_asked", async () => {
    atEnd();
    // It ends with the answer.
    void vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    await wait("the question", 10_000, async () => (await figures())?.asked === 1);
    await vscode.commands.executeCommand("type", { text: "a" });
    await wait("that it is given up", 10_000, async () => ((await figures())?.givenUp ?? 0) >= 1);
    assert.equal(document.lineAt(1).text, "    return a");
  });

  await test("a_suggestion_is_taken_as_it_is", async () => {
    atEnd();
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    await wait("the answer", 10_000, async () => ((await figures())?.suggested ?? 0) >= 1);
    // Nothing happens as long as it is not shown.
    await wait(() => `the text, which is ${JSON.stringify(document.getText())}`, 10_000, async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await sleep(50);
      return document.getText() === "def sum(a, b):\n    return a + b\n    # both\n";
    });
  });

  await vscode.commands.executeCommand("workbench.action.files.revert");
  await api.client.stop();
  finish();
}
