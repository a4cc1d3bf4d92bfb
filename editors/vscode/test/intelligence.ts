// One session of the real extension host with VS Code's built-in TypeScript server: what the agent asks the editor.
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../src/extension";
import type { Event, Update } from "../src/wire";
import { finish, test as named, wait } from "./check";

const test = named("vscode-intelligence");

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, "no folder is open");
  const path = (name: string) => join(folder.fsPath, "src", name);
  const disk = (name: string) => readFileSync(path(name), "utf8");
  const extension = vscode.extensions.getExtension<Api>("animus.animus");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();

  const events = new Map<string, Event[]>();
  api.onEvent((event) => void events.set(event.task, [...(events.get(event.task) ?? []), event]));
  const find = <T extends Update["type"]>(task: string, type: T) =>
    (events.get(task) ?? []).map((event) => event.update).filter((update): update is Extract<Update, { type: T }> => update.type === type);
  const ask = async (prompt: string): Promise<string> => {
    const { task } = await api.client.sendRequest<{ task: string }>("animus/task/start", { prompt, intent: "do" });
    await wait(`the end of ${prompt}`, 60_000, () => find(task, "finished").length > 0);
    return task;
  };
  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs).map((tab) => tab.label);

  const price = await vscode.workspace.openTextDocument(path("price.ts"));
  const editor = await vscode.window.showTextDocument(price, { preview: false });
  await test("the_built_in_server_is_there", async () => {
    const at = new vscode.Position(1, 18);
    await wait("the uses", 20_000, async () => (await vscode.commands.executeCommand<unknown[]>("vscode.executeReferenceProvider", price.uri, at)).length === 4);
  });

  let renamed = "";
  await test("a_rename_across_files_is_the_editors_own", async () => {
    editor.selection = new vscode.Selection(1, 0, 3, 1);
    renamed = await ask("rename withTax to taxed");
    assert.deepEqual(find(renamed, "finished").map((end) => end.reason), ["verified"]);
    const [symbol, uses, rename, wrong] = find(renamed, "toolResult").map(({ result }) => result.output);
    const by = "by the language server of VS Code:";
    assert.match(symbol ?? "", new RegExp(`^${by}\nsrc/price.ts:2-4 function withTax`));
    // Not the member of that name, and not the words in the comment and the text.
    assert.deepEqual((uses ?? "").split("\n").map((line) => line.split(": ")[0]), [by, "src/cart.ts:1", "src/cart.ts:4", "src/till.ts:7", ""]);
    assert.match(rename ?? "", /^renamed in the draft by the language server of VS Code: 4 places in 3 files/);
    assert.match(wrong ?? "", /^your draft adds no error\n/);
  });

  await test("it_lands_in_all_files_and_nothing_else_has_the_name", async () => {
    await wait("the files on disk", 5_000, () => ["price.ts", "cart.ts", "till.ts"].every((name) => disk(name).includes("taxed")));
    assert.match(disk("price.ts"), /export function taxed\(/);
    assert.match(disk("cart.ts"), /import \{ taxed \} from[^]*taxed\(cents\)/);
    assert.equal(disk("till.ts").match(/withTax/g)?.length, 3, disk("till.ts"));
    assert.match(disk("till.ts"), /price\.taxed\(cents\)/);
  });

  await test("an_error_that_the_draft_makes_in_another_file_is_mended_before_it_lands", async () => {
    const shown = tabs();
    const seen: string[] = [];
    // What lands may open a tab for a moment, until it is saved; so the tabs are looked at while there is only a draft.
    let drafted: string[] | undefined;
    const watching = api.onEvent(({ update }) => {
      if (update.type === "prompt" && (update as { text?: string }).text?.includes("errors that were not there before")) drafted = tabs();
    });
    const listening = vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      for (const uri of uris) if (uri.fsPath.startsWith(folder.fsPath)) seen.push(...vscode.languages.getDiagnostics(uri).map(({ message }) => message));
    });
    const task = await ask("make the price a text");
    listening.dispose();
    watching.dispose();
    assert.deepEqual(find(task, "finished").map((end) => end.reason), ["verified"]);
    const told = find(task, "prompt").map((prompt) => (prompt as { text?: string }).text ?? "").filter((text) => text.includes("errors that were not there before"));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /^src\/cart\.ts:4: error: .*\(ts \d+\)$/m);
    await wait("the files on disk", 5_000, () => disk("cart.ts").includes("Number(taxed(cents))") && disk("price.ts").includes("toFixed"));
    // Nothing of the draft was in the user's documents, and nothing was shown.
    assert.deepEqual(seen.filter((message) => message.includes("string")), []);
    assert.deepEqual(drafted, shown);
  });

  await test("the_task_knows_what_the_person_looks_at", async () => {
    const first = find(renamed, "prompt").map((prompt) => (prompt as { text?: string }).text ?? "")[0];
    assert.match(first ?? "", /^The person looks at src\/price\.ts, lines 2-4\.$/m);
  });

  await test("a_file_of_a_patch_opens_as_the_editors_diff", async () => {
    const patch = [...api.tasks.all.values()].find((task) => task.id === renamed)?.patch?.id;
    await api.client.sendRequest("animus/patch/review", { patch, path: "src/till.ts" });
    await wait("the diff", 5_000, () => tabs().includes("src/till.ts"));
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    assert.ok(tab?.input instanceof vscode.TabInputTextDiff);
    const text = async (uri: vscode.Uri) => (await vscode.workspace.openTextDocument(uri)).getText();
    assert.match(await text(tab.input.original), /price\.withTax/);
    assert.match(await text(tab.input.modified), /price\.taxed/);
  });

  await api.client.stop();
  finish();
}
