// One session of the real extension host with the built server: tasks, from asking to undo.
import * as assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { Api } from "../src/extension";
import { Tasks } from "../src/tasks";
import type { Event, Patch, Update } from "../src/wire";
import { finish, test as named, wait } from "./check";
import { children, serverPid } from "./process";

const test = named("vscode");

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, "no folder is open");
  const path = (name: string) => join(folder.fsPath, "src", name);
  const disk = (name: string) => readFileSync(path(name), "utf8");
  const original = { lib: disk("lib.rs"), price: disk("price.rs") };

  const extension = vscode.extensions.getExtension<Api>("animus.animus");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();

  const events = new Map<string, Event[]>();
  api.onEvent((event) => void events.set(event.task, [...(events.get(event.task) ?? []), event]));
  const newestTask = async (count: number): Promise<string> => {
    await wait(`task ${count}`, 5_000, () => events.size === count);
    return [...events.keys()].at(-1) ?? "";
  };
  const find = <T extends Update["type"]>(task: string, type: T) =>
    (events.get(task) ?? []).map((event) => event.update).filter((update): update is Extract<Update, { type: T }> => update.type === type);
  const checkStream = (task: string, reason: string) => {
    const all = events.get(task) ?? [];
    assert.deepEqual(all.map((event) => event.seq), all.map((_, index) => index));
    assert.equal(all.at(-1)?.update.type, "finished");
    assert.deepEqual(find(task, "finished").map((end) => end.reason), [reason]);
  };

  const document = await vscode.workspace.openTextDocument(path("lib.rs"));
  const editor = await vscode.window.showTextDocument(document);
  const type = (text: string) => editor.edit((edit) => edit.insert(new vscode.Position(1, 0), text));

  // What the server asked to apply, and what the editor answered.
  const edits: { uris: string[]; applied: boolean }[] = [];
  const middleware = api.client.clientOptions.middleware;
  assert.ok(middleware);
  const apply = middleware.workspace?.handleApplyEdit;
  assert.ok(apply);
  middleware.workspace = {
    ...middleware.workspace,
    handleApplyEdit: async (params, next) => {
      const answer = await apply(params, next);
      if (!answer) return answer;
      const uris = (params.edit.documentChanges ?? []).flatMap((change) => ("textDocument" in change ? [change.textDocument.uri] : []));
      edits.push({ uris: uris.sort(), applied: "applied" in answer && answer.applied });
      return answer;
    },
  };

  await test("attaches_and_negotiates", async () => {
    const experimental = api.client.initializeResult?.capabilities.experimental as { animus?: { protocol?: number } } | undefined;
    assert.equal(experimental?.animus?.protocol, 1);
    const commands = await vscode.commands.getCommands(true);
    for (const name of ["ask", "cancel", "accept", "refuse", "undo", "showTask"]) assert.ok(commands.includes(`animus.ui.${name}`), name);
  });

  await test("ask_agent_to_refactor_lands_two_files_verified", async () => {
    // Not saved, and yet the agent must read it.
    await editor.edit((edit) => edit.replace(document.lineAt(0).range, "//! A small shop, unsaved."));
    const range = new vscode.Range(5, 0, 11, 1);
    editor.selection = new vscode.Selection(range.start, range.end);
    let typed = 0;
    let late = false;
    api.onEvent(({ update }) => {
      if (update.type === "toolResult" && typed < 5) void type(`// typed ${++typed}\n`);
      if (update.type === "phase" && update.phase === "land" && !late) {
        late = true;
        void type("// typed late\n");
      }
    });
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>("vscode.executeCodeActionProvider", document.uri, range);
    const action = actions.find((candidate) => candidate.title.startsWith("Ask agent to refactor"));
    assert.ok(action?.command, `no such action among: ${actions.map((candidate) => candidate.title).join(", ")}`);
    await vscode.commands.executeCommand(action.command.command, ...(action.command.arguments ?? []));
    const task = await newestTask(1);
    await wait("the end of the task", 120_000, () => find(task, "finished").length > 0);
    checkStream(task, "verified");
    assert.match(JSON.stringify(find(task, "toolResult")), /A small shop, unsaved\./);
    assert.ok(typed > 0 && late, "nothing was typed while the agent worked");
    const uris = ["lib.rs", "price.rs"].map((name) => vscode.Uri.file(path(name)).toString());
    assert.deepEqual(edits.filter((edit) => edit.applied), [{ uris, applied: true }]);
  });

  await test("what_was_typed_is_kept_and_stays_unsaved", async () => {
    await wait("the file on disk", 5_000, () => disk("price.rs").includes("taxed"));
    assert.match(disk("price.rs"), /pub fn taxed/);
    // The user's own unsaved text is in this one: saving it is the user's to do.
    assert.equal(document.isDirty, true);
    assert.equal(disk("lib.rs"), original.lib);
    await document.save();
    const text = disk("lib.rs");
    assert.equal(text, document.getText());
    assert.match(text, /^\/\/! A small shop, unsaved\.$/m);
    assert.match(text, /^\/\/ typed 1$/m);
    assert.match(text, /^\/\/ typed late$/m);
    assert.ok(text.includes("prices.iter().map(|cents| price::taxed(*cents)).sum()"));
    assert.ok(!text.includes("let mut sum"));
  });

  await test("a_gap_in_the_events_is_filled", async () => {
    // A second fold that hears only of the last event asks for the rest.
    const known = [...api.tasks.all.values()].at(-1)?.events ?? [];
    const last = known.at(-1);
    assert.ok(last);
    const other = new Tasks(async (task, after) => (await api.client.sendRequest<{ events: Event[] }>("animus/task/replay", { task, after })).events);
    await other.receive({ v: 1, task: last.task, events: [last] });
    assert.deepEqual(other.all.get(last.task)?.events, known);
    other.dispose();
  });

  await test("the_task_view_holds_plan_calls_test_patch_and_result", async () => {
    const task = [...api.tasks.all.values()].at(-1);
    assert.ok(task);
    assert.equal(task.plan.entries[0]?.content, "Read the two files");
    assert.ok(task.calls.size > 0);
    assert.equal(task.tests.at(-1)?.verdict, "passed");
    await wait("the landed patch", 5_000, () => task.patch?.state === "landed");
    assert.equal(task.finished?.reason, "verified");
    await vscode.commands.executeCommand("animus.ui.showTask", task.id);
    const labels = api.tree.getChildren(api.tree.node(task)).map((node) => api.tree.getTreeItem(node).label);
    for (const label of ["Read the two files", "verified"]) assert.ok(labels.includes(label), `${label} is not in ${labels.join(", ")}`);
  });

  await test("undo_restores_both_files", async () => {
    const state = (): Patch["state"] | undefined => [...api.tasks.all.values()].at(-1)?.patch?.state;
    await vscode.commands.executeCommand("animus.ui.undo");
    await wait("the undone patch", 10_000, () => state() === "undone");
    await wait("the files on disk", 5_000, () => disk("price.rs") === original.price && disk("lib.rs").includes("let mut sum"));
    const text = disk("lib.rs");
    assert.match(text, /^\/\/ typed late$/m);
    // But for what the user wrote, it is the file of the beginning.
    assert.equal(text.replace(/\/\/ typed.*\n/g, "").replace(", unsaved", ""), original.lib);
  });

  // Starts a task, cancels it once `ready`, and expects the end within two seconds with no child left.
  const checkCancel = async (number: number, ready: (task: string, server: number) => boolean): Promise<void> => {
    const server = serverPid();
    await vscode.commands.executeCommand("animus.ui.ask", "do something long");
    const task = await newestTask(number);
    await wait("the moment to cancel", 60_000, () => {
      assert.deepEqual(find(task, "finished"), [], "the task ended too early");
      return ready(task, server);
    });
    const before = [disk("lib.rs"), disk("price.rs")];
    const start = Date.now();
    await vscode.commands.executeCommand("animus.ui.cancel");
    await wait("the end after cancel", 2_000, () => find(task, "finished").length > 0 && children(server).length === 0);
    assert.ok(Date.now() - start <= 2_000);
    checkStream(task, "cancelled");
    assert.deepEqual([disk("lib.rs"), disk("price.rs")], before);
  };

  await test("cancel_while_the_model_thinks", () =>
    checkCancel(2, (task) => find(task, "phase").some((update) => update.phase === "act")));

  await test("cancel_while_the_tests_run_leaves_no_child", () =>
    checkCancel(3, (task, server) => find(task, "test").length > 0 && children(server).length > 0));

  await test("a_new_file_lands_exactly_and_undo_removes_it", async () => {
    const notes = join(folder.fsPath, "NOTES.md");
    await vscode.commands.executeCommand("animus.ui.ask", "write notes");
    const task = await newestTask(4);
    await wait("the end of the task", 60_000, () => find(task, "finished").length > 0);
    checkStream(task, "verified");
    await wait("the file on disk", 5_000, () => existsSync(notes) && readFileSync(notes, "utf8") !== "");
    assert.equal(readFileSync(notes, "utf8"), "# Notes\n\nPrices are in cents.\n");
    await vscode.commands.executeCommand("animus.ui.undo");
    await wait("the file to go", 10_000, () => !existsSync(notes));
  });

  await test("the_server_ends_with_the_client", async () => {
    const server = serverPid();
    await api.client.stop();
    await wait("the end of the server", 3_000, () => !children(process.pid).includes(server));
  });

  finish();
}
