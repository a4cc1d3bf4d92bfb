// Review in the real extension host with the built server: every step is held against documents and disk, byte for byte.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { createProtocolConnection, StreamMessageReader, StreamMessageWriter } from "vscode-languageclient/node";
import type { Api } from "../src/extension";
import type { HunkState, Patch } from "../src/wire";
import { finish, sleep, test as named, wait } from "./check";

const test = named("vscode-review");

function swap(text: string, old: string, replacement: string): string {
  assert.ok(text.includes(old), `${JSON.stringify(old)} is not in: ${text}`);
  return text.replace(old, () => replacement);
}

// What each hunk makes of a text.
const first = (text: string) => swap(text, "cappuccino\t3.00\ntea\t2.50\n", "flat white\t3.40\ngreen tea — sencha\t2.70\nblack tea\t2.50\n");
const second = (text: string) => swap(text, "croissant\t2.20\n", "croissant\t2.20\nbrioche 🥐\t2.40\n");
const third = (text: string) => swap(text, "Cards from 5.00.", "Cards are welcome from 3.00.");

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, "no folder is open");
  const path = (name: string) => join(folder.fsPath, name);
  const disk = (name: string) => readFileSync(path(name), "utf8");
  const extension = vscode.extensions.getExtension<Api>("animus.animus");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();
  const ui = (name: string, ...said: unknown[]) => vscode.commands.executeCommand(`animus.ui.${name}`, ...said);

  const views = new Map<string, Patch>();
  const patched = api.tasks.patched.bind(api.tasks);
  api.tasks.patched = (patch) => {
    views.set(patch.id, patch);
    patched(patch);
  };
  const states = (patch: string) => views.get(patch)?.files.flatMap((file) => file.hunks.map((hunk) => hunk.state)) ?? [];
  const waitStates = (patch: string, ...wanted: HunkState[]) =>
    wait(() => `${wanted.join()}; there is ${JSON.stringify(views.get(patch))}`, 10_000, () => states(patch).join() === wanted.join());

  // Asks for the next patch of the script and waits until it is proposed.
  const asked = new Set<string>();
  const propose = async (): Promise<string> => {
    await ui("ask", "change the menu");
    let found: Patch | undefined;
    await wait("the proposal", 60_000, () => (found = [...views.values()].find((patch) => patch.state === "proposed" && !asked.has(patch.id))));
    assert.ok(found);
    asked.add(found.id);
    return found.id;
  };

  const open = async (name: string, line?: number) => {
    const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(path(name)));
    if (line !== undefined) editor.selection = new vscode.Selection(line - 1, 0, line - 1, 0);
    return editor;
  };
  // The diff of a file, in whichever tab it was opened: another tab may be the active one.
  const diffOf = async (name: string): Promise<vscode.TabInputTextDiff> => {
    let found: vscode.TabInputTextDiff | undefined;
    const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs.map((tab) => tab.input));
    const shows = (input: unknown): input is vscode.TabInputTextDiff =>
      input instanceof vscode.TabInputTextDiff && (input.original.path.endsWith(`/${name}`) || input.modified.path.endsWith(`/${name}`));
    const seen = () => `the diff of ${name}; there is ${JSON.stringify(tabs())}`;
    await wait(seen, 10_000, () => (found = tabs().find(shows)));
    assert.ok(found);
    return found;
  };
  const closeDiffs = () =>
    vscode.window.tabGroups.close(vscode.window.tabGroups.all.flatMap((group) => group.tabs.filter((tab) => tab.input instanceof vscode.TabInputTextDiff)));
  const here = () => {
    const editor = vscode.window.activeTextEditor;
    return editor && `${vscode.workspace.asRelativePath(editor.document.uri)}:${editor.selection.active.line + 1}`;
  };
  const shown = (name: string) => api.review.items(vscode.Uri.file(path(name))).map((item) => `${item.number}:${item.state}:${item.live?.start}:${item.live?.lines}`);
  const waitShown = (name: string, ...wanted: string[]) =>
    wait(() => `${wanted.join()}; shown is ${shown(name).join()}`, 10_000, () => shown(name).join() === wanted.join());
  const document = (name: string) => vscode.workspace.textDocuments.find((candidate) => candidate.uri.fsPath === path(name));
  const holds = async (name: string, text: string, onDisk: string) => {
    // A file that no editor shows is shown as the disk has it.
    const now = () => ({ text: document(name)?.getText() ?? disk(name), disk: disk(name) });
    const right = () => now().text === text && now().disk === onDisk;
    await wait("", 5_000, right).catch(() => assert.deepEqual(now(), { text, disk: onDisk }));
  };
  const lenses = async (name: string) => {
    const found = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", vscode.Uri.file(path(name)), 50);
    return found.map((lens) => `${lens.range.start.line + 1} ${lens.command?.title}`);
  };

  await test("hunks_are_shown_inline", async () => {
    const menu = await open("show/menu.txt", 8);
    const original = menu.document.getText();
    const patch = await propose();
    await waitStates(patch, "pending", "pending", "pending");
    await waitShown("show/menu.txt", "1:pending:3:2", "2:pending:12:0");
    const buttons = ["Refuse", "Edit", "Diff", "↑", "↓"];
    const row = (line: number, number: number) => [`Accept hunk ${number}/3`, ...buttons].map((title) => `${line} ${title}`);
    // One row for each hunk: what the server would offer to other editors is not there a second time.
    assert.deepEqual((await lenses("show/menu.txt")).sort(), [...row(3, 1), ...row(12, 2)].sort());
    assert.equal(menu.document.getText(), original);
    assert.equal(menu.document.isDirty, false);
    assert.equal(here(), "show/menu.txt:8");
  });

  await test("the_diff_shows_what_would_be", async () => {
    await ui("patch.diff", { patch: [...asked][0], path: "show/menu.txt" });
    const { original, modified } = await diffOf("show/menu.txt");
    assert.equal(original.fsPath, path("show/menu.txt"));
    const proposed = await vscode.workspace.openTextDocument(modified);
    assert.equal(proposed.getText(), second(first(disk("show/menu.txt"))));
    await closeDiffs();
  });

  await test("show_accept_type_refuse_accept_undo", async () => {
    const patch = [...asked][0] ?? "";
    const [menu0, prices0] = [disk("show/menu.txt"), disk("show/prices.txt")];
    // Accept the first.
    const menu = await open("show/menu.txt", 1);
    await ui("hunk.next");
    assert.equal(here(), "show/menu.txt:3");
    await ui("hunk.accept");
    await waitStates(patch, "accepted", "pending", "pending");
    const menu1 = first(menu0);
    await holds("show/menu.txt", menu1, menu1);
    await waitShown("show/menu.txt", "1:accepted:3:3", "2:pending:13:0");
    assert.equal(disk("show/prices.txt"), prices0);
    // Type above the second. What is typed is nobody's to save.
    await menu.edit((edit) => edit.insert(new vscode.Position(8, 0), "typed — above\n"));
    const menu2 = swap(menu1, "sparkling water", "typed — above\nsparkling water");
    await waitShown("show/menu.txt", "1:accepted:3:3", "2:pending:14:0");
    await holds("show/menu.txt", menu2, menu1);
    // Refuse the second.
    await ui("hunk.next");
    assert.equal(here(), "show/menu.txt:14");
    await ui("hunk.refuse");
    await waitStates(patch, "accepted", "refused", "pending");
    await waitShown("show/menu.txt", "1:accepted:3:3");
    await holds("show/menu.txt", menu2, menu1);
    // Accept the third: the next one is in the other file.
    await ui("hunk.next");
    await waitShown("show/prices.txt", "3:pending:3:1");
    assert.equal(here(), "show/prices.txt:3");
    await ui("hunk.accept");
    await waitStates(patch, "accepted", "refused", "accepted");
    const prices1 = third(prices0);
    await holds("show/prices.txt", prices1, prices1);
    await holds("show/menu.txt", menu2, menu1);
    assert.equal(views.get(patch)?.state, "landed");
    // Undo the first.
    const editor = await open("show/menu.txt", 4);
    await ui("hunk.undo");
    await waitStates(patch, "undone", "refused", "accepted");
    const menu3 = swap(menu0, "sparkling water", "typed — above\nsparkling water");
    await holds("show/menu.txt", menu3, menu1);
    await holds("show/prices.txt", prices1, prices1);
    assert.equal(editor.document.isDirty, true);
    // Saving is the user's.
    await editor.document.save();
    await holds("show/menu.txt", menu3, menu3);
  });

  await test("any_order_with_typing_between", async () => {
    const [menu0, prices0] = [disk("order/menu.txt"), disk("order/prices.txt")];
    await open("order/menu.txt");
    const patch = await propose();
    await waitShown("order/menu.txt", "1:pending:3:2", "2:pending:12:0");
    await open("order/prices.txt", 3);
    await ui("hunk.accept");
    await waitStates(patch, "pending", "pending", "accepted");
    await holds("order/prices.txt", third(prices0), third(prices0));
    // Typed at once before each decision, in the same document.
    const menu = await open("order/menu.txt");
    await waitShown("order/menu.txt", "1:pending:3:2", "2:pending:12:0");
    await menu.edit((edit) => edit.insert(new vscode.Position(0, 0), "é one\né two\n"));
    menu.selection = new vscode.Selection(13, 0, 13, 0);
    await ui("hunk.accept");
    await waitStates(patch, "pending", "accepted", "accepted");
    await holds("order/menu.txt", `é one\né two\n${second(menu0)}`, menu0);
    await menu.edit((edit) => edit.insert(new vscode.Position(menu.document.lineCount, 0), "the end\n"));
    menu.selection = new vscode.Selection(5, 0, 5, 0);
    await ui("hunk.accept");
    await waitStates(patch, "accepted", "accepted", "accepted");
    await holds("order/menu.txt", `é one\né two\n${first(second(menu0))}the end\n`, menu0);
    // The whole patch is taken back; what was typed is kept.
    await ui("undo", patch);
    await waitStates(patch, "undone", "undone", "undone");
    await holds("order/menu.txt", `é one\né two\n${menu0}the end\n`, menu0);
    await holds("order/prices.txt", prices0, prices0);
    await menu.document.save();
    await holds("order/menu.txt", `é one\né two\n${menu0}the end\n`, `é one\né two\n${menu0}the end\n`);
  });

  await test("decisions_amid_typing_lose_nothing", async () => {
    const [menu0, prices0] = [disk("typing/menu.txt"), disk("typing/prices.txt")];
    const menu = await open("typing/menu.txt");
    const patch = await propose();
    await waitShown("typing/menu.txt", "1:pending:3:2", "2:pending:12:0");
    // A line comes in as often as a quick typist strikes, above all hunks and below them in turn.
    let [typed, above, below] = [0, "", ""];
    const typing = (async () => {
      while (typed < 40) {
        const line = `typed — ${typed + 1}\n`;
        const over = typed % 2 === 0;
        const done = await menu.edit((edit) => edit.insert(new vscode.Position(over ? 1 : menu.document.lineCount - 1, 0), line), { undoStopBefore: false, undoStopAfter: false });
        if (!done) continue; // the text moved under the edit
        typed += 1;
        if (over) above = line + above;
        else below += line;
        await sleep(80);
      }
    })();
    const decide = async (hunk: number, name: string, ...wanted: HunkState[]) => {
      await ui(`hunk.${name}`, { patch, path: "typing/menu.txt", hunk });
      await waitStates(patch, ...wanted);
    };
    await decide(1, "accept", "pending", "accepted", "pending");
    await decide(0, "accept", "accepted", "accepted", "pending");
    await decide(1, "undo", "accepted", "undone", "pending");
    await typing;
    const text = swap(first(menu0), "espresso\t2.00\n", `${above}espresso\t2.00\n`) + below;
    await holds("typing/menu.txt", text, menu0);
    await ui("accept", patch);
    await waitStates(patch, "accepted", "undone", "accepted");
    await holds("typing/prices.txt", third(prices0), third(prices0));
    await holds("typing/menu.txt", text, menu0);
    await menu.document.save();
  });

  await test("a_hunk_is_edited_before_it_lands", async () => {
    const menu0 = disk("edit/menu.txt");
    const menu = await open("edit/menu.txt");
    const patch = await propose();
    await waitShown("edit/menu.txt", "1:pending:3:2", "2:pending:12:0");
    // Whose lines were changed has no place, and is not lost.
    const lenses = async () => (await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", menu.document.uri, 50)).map(({ command, range }) => `${range.start.line + 1} ${command?.title}`);
    const range = menu.document.lineAt(2).range;
    const own = menu.document.getText(range);
    await menu.edit((edit) => edit.replace(range, "my own coffee\t9.00"));
    await waitShown("edit/menu.txt", "2:pending:12:0");
    await wait("its lens", 10_000, async () => (await lenses()).includes("1 You changed the lines of hunk 1/3"));
    await menu.edit((edit) => edit.replace(menu.document.lineAt(2).range, own));
    await menu.document.save();
    await waitShown("edit/menu.txt", "1:pending:3:2", "2:pending:12:0");
    assert.ok(!(await lenses()).some((lens) => lens.includes("You changed")));
    await ui("hunk.edit", { patch, path: "edit/menu.txt", hunk: 0 });
    const scratch = vscode.window.activeTextEditor;
    assert.equal(scratch?.document.uri.scheme, "animus-hunk");
    assert.equal(scratch.document.getText(), "flat white\t3.40\ngreen tea — sencha\t2.70\nblack tea\t2.50\n");
    await scratch.edit((edit) => edit.replace(scratch.document.lineAt(1).range, "mint tea — fresh\t2.90"));
    await scratch.document.save();
    await waitStates(patch, "accepted", "pending", "pending");
    const text = swap(first(menu0), "green tea — sencha\t2.70", "mint tea — fresh\t2.90");
    await holds("edit/menu.txt", text, text);
    assert.equal(views.get(patch)?.files[0]?.hunks[0]?.edited, true);
    await open("edit/menu.txt");
    await ui("refuse", patch);
    await wait("the end of the patch", 10_000, () => views.get(patch)?.state !== "proposed");
  });

  await test("a_second_window_decides_too", async () => {
    const [menu0, prices0] = [disk("window/menu.txt"), disk("window/prices.txt")];
    const menu = await open("window/menu.txt");
    const patch = await propose();
    await waitShown("window/menu.txt", "1:pending:3:2", "2:pending:12:0");
    // Another server on the same folder, of an editor that takes no edits: what it accepts is written to disk.
    const other = spawn(process.env.ANIMUS_BIN ?? "", ["lsp"], { stdio: ["pipe", "pipe", "ignore"] });
    const wire = createProtocolConnection(new StreamMessageReader(other.stdout), new StreamMessageWriter(other.stdin));
    wire.listen();
    const uri = folder.toString();
    await wire.sendRequest("initialize", { processId: process.pid, rootUri: uri, workspaceFolders: [{ uri, name: "other" }], capabilities: {} });
    await wire.sendNotification("initialized", {});
    const seen = async () => (await wire.sendRequest<Patch>("animus/patch/get", { patch })).files.flatMap((file) => file.hunks.map((hunk) => hunk.state)).join();
    const decide = async (target: object, resolution: string, wanted: string) => {
      await wire.sendRequest("animus/patch/resolve", { patch, ...target, resolution });
      await wait(`${wanted} there`, 10_000, async () => (await seen()) === wanted);
    };
    await decide({ path: "window/menu.txt", hunk: 0 }, "accept", "accepted,pending,pending");
    await decide({ path: "window/prices.txt", hunk: 0 }, "refuse", "accepted,pending,refused");
    await wire.sendRequest("shutdown");
    await wire.sendNotification("exit");
    const menu1 = first(menu0);
    assert.equal(disk("window/menu.txt"), menu1);
    await holds("window/menu.txt", menu1, menu1);
    await api.review.fetch();
    await waitShown("window/menu.txt", "1:accepted:3:3", "2:pending:13:0");
    // What was decided there is not decided again here.
    menu.selection = new vscode.Selection(12, 0, 12, 0);
    await ui("accept", patch);
    await waitStates(patch, "accepted", "accepted", "refused");
    await holds("window/menu.txt", second(menu1), second(menu1));
    assert.equal(disk("window/prices.txt"), prices0);
  });

  await test("files_come_and_go", async () => {
    const patch = await propose();
    await waitStates(patch, "pending", "pending");
    await ui("patch.diff", { patch, path: "files/new.txt" });
    const { modified } = await diffOf("files/new.txt");
    assert.equal((await vscode.workspace.openTextDocument(modified)).getText(), "Open from eight.\nClosed on Mondays.\n");
    await closeDiffs();
    assert.ok(!existsSync(path("files/new.txt")));
    await ui("hunk.accept", { patch, path: "files/new.txt", hunk: 0 });
    await waitStates(patch, "accepted", "pending");
    await wait("the new file", 5_000, () => existsSync(path("files/new.txt")) && disk("files/new.txt") === "Open from eight.\nClosed on Mondays.\n");
    await ui("hunk.refuse", { patch, path: "files/old.txt", hunk: 0 });
    await waitStates(patch, "accepted", "refused");
    assert.equal(disk("files/old.txt"), "Open from nine.\n");
  });

  await test("a_file_and_the_whole_patch_are_decided_at_once", async () => {
    const [menu0, prices0] = [disk("whole/menu.txt"), disk("whole/prices.txt")];
    await open("whole/menu.txt");
    const patch = await propose();
    await waitShown("whole/menu.txt", "1:pending:3:2", "2:pending:12:0");
    await ui("patch.acceptFile");
    await waitStates(patch, "accepted", "accepted", "pending");
    await holds("whole/menu.txt", second(first(menu0)), second(first(menu0)));
    assert.equal(disk("whole/prices.txt"), prices0);
    await ui("accept", patch);
    await waitStates(patch, "accepted", "accepted", "accepted");
    await holds("whole/prices.txt", third(prices0), third(prices0));
  });

  // The last one: the script starts again with the server.
  await test("decisions_outlive_the_server", async () => {
    const [menu0, prices0] = [disk("reload/menu.txt"), disk("reload/prices.txt")];
    const menu = await open("reload/menu.txt");
    const patch = await propose();
    await waitShown("reload/menu.txt", "1:pending:3:2", "2:pending:12:0");
    menu.selection = new vscode.Selection(2, 0, 2, 0);
    await ui("hunk.accept");
    await waitStates(patch, "accepted", "pending", "pending");
    const menu1 = first(menu0);
    await holds("reload/menu.txt", menu1, menu1);
    await api.client.stop();
    views.delete(patch);
    await menu.edit((edit) => edit.insert(new vscode.Position(0, 0), "typed while no server ran\n"));
    await api.client.start();
    await waitStates(patch, "accepted", "pending", "pending");
    await waitShown("reload/menu.txt", "1:accepted:4:3", "2:pending:14:0");
    menu.selection = new vscode.Selection(13, 0, 13, 0);
    await ui("hunk.accept");
    await waitStates(patch, "accepted", "accepted", "pending");
    await holds("reload/menu.txt", `typed while no server ran\n${second(menu1)}`, menu1);
    await menu.document.save();
    await waitShown("reload/menu.txt", "1:accepted:4:3", "2:accepted:14:1");
    menu.selection = new vscode.Selection(4, 0, 4, 0);
    await ui("hunk.undo");
    await waitStates(patch, "undone", "accepted", "pending");
    const text = `typed while no server ran\n${second(menu0)}`;
    await holds("reload/menu.txt", text, text);
    await open("reload/prices.txt", 3);
    await waitShown("reload/prices.txt", "3:pending:3:1");
    await ui("hunk.accept");
    await waitStates(patch, "undone", "accepted", "accepted");
    await holds("reload/prices.txt", third(prices0), third(prices0));
  });

  await sleep(100);
  await api.client.stop();
  finish();
}
