// What a person uses between asking and reviewing: the view, steering, questions, the input, the status bar, the chat, settings,
// and a server that is not there. With the real extension host and the built server.
import * as assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import { Chat } from "../src/chat";
import type { Api } from "../src/extension";
import { hover, type Item } from "../src/hunks";
import { locate } from "../src/server";
import { config } from "../src/settings";
import { Spent, type Task, Tasks } from "../src/tasks";
import { type Leaf, TaskTree } from "../src/tree";
import { type Approval, type Critique, hinted, plain, type Status, type TestReport, type Update } from "../src/wire";
import { finish, test as named, wait } from "./check";
import { serverPid } from "./process";

const test = named("vscode-use");

export async function run(): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  assert.ok(folder, "no folder is open");
  const path = (name: string) => join(folder.fsPath, name);
  const extension = vscode.extensions.getExtension<Api>("animus.animus");
  assert.ok(extension, "the extension is not there");
  const api = await extension.activate();
  const ui = (name: string, ...said: unknown[]) => vscode.commands.executeCommand(`animus.ui.${name}`, ...said);
  const open = async (name: string) => vscode.window.showTextDocument(await vscode.workspace.openTextDocument(path(name)));

  const seen = new Set<string>();
  // The task that was begun last, once it is known here.
  const begun = async (): Promise<Task> => {
    let task: Task | undefined;
    await wait("the task", 20_000, () => (task = [...api.tasks.all.values()].find(({ id, events }) => !seen.has(id) && events.length > 0)));
    assert.ok(task);
    seen.add(task.id);
    return task;
  };
  const ended = (task: Task) => wait(() => `the end of ${task.title} in ${task.phase}`, 60_000, () => task.finished);
  const leaves = (task: Task) => api.tree.getChildren(api.tree.node(task)) as Leaf[];
  const texts = (task: Task) => leaves(task).map(({ label, detail }) => `${label}|${detail}`);
  const question = async (task: Task): Promise<Approval> => {
    let found: Approval | undefined;
    await wait(() => `a question in ${task.phase}`, 30_000, () => (found = api.approvals.of(task.id)[0]));
    assert.ok(found);
    return found;
  };
  const result = (task: Task, at: number) => [...task.calls.values()][at]?.result;

  await test("the_status_bar_says_idle_and_the_model", async () => {
    await wait(() => `the model in ${api.status.item.text}`, 20_000, () => api.status.item.text === "$(sparkle) Animus · demo");
    assert.equal(api.status.item.command, "animus.ui.menu");
  });

  await test("everything_that_the_manifest_names_is_there", async () => {
    const { contributes } = extension.packageJSON as { contributes: { commands: { command: string }[]; menus: Record<string, { command: string }[]>; keybindings: { command: string }[]; walkthroughs: { steps: { description: string; media: { markdown: string }; completionEvents: string[] }[] }[] } };
    const known = await vscode.commands.getCommands(true);
    const commands = contributes.commands.map(({ command }) => command);
    const steps = contributes.walkthroughs.flatMap(({ steps }) => steps);
    const named = [...Object.values(contributes.menus).flat(), ...contributes.keybindings].map(({ command }) => command);
    const linked = steps.flatMap(({ description, completionEvents }) => [...`${description} ${completionEvents.join(" ")}`.matchAll(/(?:command:|onCommand:)([\w.]+)/g)].map(([, command = ""]) => command));
    assert.ok(linked.length >= steps.length);
    for (const command of [...commands, ...named, ...linked]) assert.ok(known.includes(command) && commands.includes(command), command);
    for (const { media } of steps) assert.ok(existsSync(join(extension.extensionPath, media.markdown)), media.markdown);
  });

  await test("a_task_is_told_something_and_does_it", async () => {
    const shown = new Set<string>();
    const watching = api.tasks.onChange(() => shown.add(api.status.item.text));
    await ui("ask", "say what the notes are");
    const task = await begun();
    const { id } = await question(task);
    await ui("steer", task.id, "mind the garden");
    await ui("allow", id);
    // The script's third turn is answered only to a conversation that holds those words.
    await ended(task);
    assert.equal(task.finished?.reason, "no_change");
    assert.deepEqual(task.said, ["mind the garden"]);
    watching.dispose();
    assert.ok([...shown].some((text) => /^\$\(sync~spin\) (context|act|tool) · demo/.test(text)), [...shown].join("; "));
  });

  await test("the_tree_shows_plan_words_calls_cost_and_result", async () => {
    const task = [...api.tasks.all.values()].at(-1);
    assert.ok(task);
    const shown = texts(task);
    for (const line of ["Look at the notes|", "Say what they are|in progress", "mind the garden|you said", "Tool calls|3", "price unknown|3.9k tokens in, 64 out"]) {
      assert.ok(shown.includes(line), `${line} is not in ${shown.join("; ")}`);
    }
    assert.ok(shown.at(-1)?.startsWith("no_change|"), shown.at(-1));
    const calls = leaves(task).find(({ label }) => label === "Tool calls")?.children ?? [];
    assert.equal(calls.length, 3);
    for (const { detail } of calls) assert.match(detail, /^\d+(\.\d)? m?s$/);
    assert.deepEqual(calls.slice(1).map(({ label }) => label), ["read notes.txt", "$ sh hello.sh zero"]);
    assert.match(calls[1]?.tooltip ?? "", /The garden/);
    assert.match(calls[2]?.tooltip ?? "", /hello zero/);
    const item = api.tree.getTreeItem(api.tree.node(task));
    assert.equal(item.description, "no_change");
  });

  await test("a_question_is_allowed_once_then_for_the_session", async () => {
    await ui("ask", "run it three times");
    const task = await begun();
    const first = await question(task);
    assert.match(first.details.join("\n"), /hello\.sh one/);
    assert.deepEqual(first.options.map(({ scope }) => scope).includes("session"), true);
    const node = leaves(task).find(({ context }) => context === "approval");
    assert.ok(node, texts(task).join("; "));
    assert.match(node.detail, /^waits for you, \d+ s$/);
    assert.ok(api.approvals.left(first) > 0 && api.approvals.left(first) <= first.deadlineSeconds);
    assert.match(api.status.item.text, /^\$\(bell-dot\) waits for you/);
    await ui("allow", node);
    await wait("the first result", 30_000, () => result(task, 0));
    assert.match(result(task, 0)?.output ?? "", /hello one/);
    // Once was once.
    const second = await question(task);
    assert.notEqual(second.id, first.id);
    const session = second.options.find(({ kind, scope }) => kind === "allow_always" && scope === "session");
    assert.ok(session, JSON.stringify(second.options));
    await api.approvals.give(second, session);
    await ended(task);
    assert.match(result(task, 2)?.output ?? "", /hello one/);
    const asked = task.events.filter(({ update }) => update.type === "approval").length;
    assert.equal(asked, 2);
    assert.deepEqual(api.approvals.of(), []);
  });

  await test("a_question_is_refused_from_the_view", async () => {
    await ui("ask", "run another");
    const task = await begun();
    await question(task);
    const node = leaves(task).find(({ context }) => context === "approval");
    await ui("reject", node);
    await ended(task);
    assert.equal(result(task, 0)?.failure?.code, "denied");
    assert.ok(!JSON.stringify(task.events).includes("hello two\\n"));
    const call = leaves(task).find(({ label }) => label === "Tool calls")?.children?.[0];
    assert.equal(call?.icon, "error");
  });

  await test("the_review_document_shows_the_patch_and_decides", async () => {
    await ui("ask", "change both");
    const task = await begun();
    await ended(task);
    await wait("the patch", 10_000, () => task.patch?.state === "proposed");
    const patch = task.patch?.id ?? "";
    const files = leaves(task).find(({ context }) => context === "patch.proposed")?.children ?? [];
    assert.deepEqual(files.map(({ label, detail }) => `${label}|${detail}`), ["more.txt|modify +1 -1, 1 of 1 wait", "notes.txt|modify +1 -1, 1 of 1 wait"]);
    const run = leaves(task).find(({ label }) => label === "grep -q garden notes.txt");
    assert.match(run?.detail ?? "", /^passed/);
    await ui("review", patch);
    const uri = vscode.Uri.parse(`animus:/review/${patch}.diff`);
    const document = () => vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
    await wait("the review document", 20_000, () => vscode.window.visibleTextEditors.some(({ document }) => document.uri.toString() === uri.toString()));
    await wait(() => `its text: ${document()?.getText()}`, 10_000, () => /^-fork$/m.test(document()?.getText() ?? "") && /^\+tulip$/m.test(document()?.getText() ?? ""));
    const lens = async (title: RegExp) => {
      const found = await vscode.commands.executeCommand<vscode.CodeLens[]>("vscode.executeCodeLensProvider", uri, 50);
      return found.map(({ command }) => command).find((command) => title.test(command?.title ?? ""));
    };
    let accept: vscode.Command | undefined;
    await wait("a lens", 10_000, async () => (accept = await lens(/^Accept hunk 1\b|^Accept$|Accept hunk/)));
    assert.ok(accept);
    await vscode.commands.executeCommand(accept.command, ...(accept.arguments ?? []));
    await wait("the first file", 10_000, () => readFileSync(path("more.txt"), "utf8") === "Tools\npitchfork\nspade\n");
    // The rest by a code action on its lines.
    const line = document()?.getText().split("\n").indexOf("+tulip") ?? -1;
    assert.ok(line > 0);
    let refuse: vscode.CodeAction | undefined;
    await wait("a code action", 10_000, async () => {
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>("vscode.executeCodeActionProvider", uri, new vscode.Range(line, 0, line, 0));
      return (refuse = actions.find(({ title }) => title.startsWith("Refuse hunk")));
    });
    assert.ok(refuse?.command);
    await vscode.commands.executeCommand(refuse.command.command, ...(refuse.command.arguments ?? []));
    await wait("the end of the review", 10_000, () => task.patch?.state === "landed");
    assert.equal(readFileSync(path("notes.txt"), "utf8"), "The garden\nrose\nlily\n");
  });

  await test("the_chat_streams_an_answer", async () => {
    const said: string[] = [];
    const stream = { markdown: (text: string | vscode.MarkdownString) => said.push(typeof text === "string" ? text : text.value), progress: (text: string) => said.push(`[${text}]`), button: ({ title }: vscode.Command) => said.push(`<${title}>`) };
    const request = { prompt: "which flowers?", command: "explain", references: [{ id: "1", value: vscode.Uri.file(path("notes.txt")) }] };
    const token = new vscode.CancellationTokenSource().token;
    const answer = await api.chat.answer(request as unknown as vscode.ChatRequest, { history: [] }, stream as unknown as vscode.ChatResponseStream, token);
    const task = await begun();
    assert.match(said.join(""), /The notes \*\*name\*\* flowers\.[\s\S]*\*\*no_change\*\*/);
    const [started] = task.events.map(({ update }) => update);
    assert.ok(started?.type === "started");
    assert.equal(started.request.intent, "explain");
    assert.deepEqual((started.request as unknown as { context: string[] }).context, ["notes.txt"]);
    assert.equal((answer as vscode.ChatResult).metadata?.session, task.session);
  });

  await test("the_chat_cancels_with_its_token", async () => {
    const source = new vscode.CancellationTokenSource();
    const said: string[] = [];
    const stream = { markdown: (text: string) => said.push(text), progress: () => {}, button: () => {} };
    const answer = api.chat.answer({ prompt: "take long", command: undefined, references: [] } as unknown as vscode.ChatRequest, { history: [] }, stream as unknown as vscode.ChatResponseStream, source.token);
    const task = await begun();
    await wait("its turn", 20_000, () => task.phase === "act");
    source.cancel();
    await answer;
    assert.equal(task.finished?.reason, "cancelled");
    assert.match(said.join(""), /\*\*cancelled\*\*/);
  });

  await test("the_progress_of_a_chat_is_text_and_its_hint_said_once", async () => {
    const tasks = new Tasks(async () => []);
    const updates: Update[] = [
      { type: "toolCall", call: { id: "c", name: "run_command", title: "$ echo $(whoami)", kind: "execute" } },
      { type: "finished", reason: "failed", exitCode: 1, summary: "No model: set one.", failure: { code: "x", message: "No model", hint: "set one." } },
    ];
    await tasks.receive({ v: 1, task: "t", events: updates.map((update, seq) => ({ v: 1, task: "t", session: "s", seq, ts: "", update })) });
    const said: string[] = [];
    const stream = { markdown: (text: string) => said.push(text.trim()), progress: (text: string) => said.push(text) };
    const chat = new Chat(tasks, async () => ({ task: "t" }), () => {}, { path: () => undefined, uri: String, range: () => undefined, session: undefined });
    await chat.answer({ prompt: "p", command: undefined, references: [] } as unknown as vscode.ChatRequest, { history: [] }, stream as unknown as vscode.ChatResponseStream, new vscode.CancellationTokenSource().token);
    assert.deepEqual(said, ["$ echo $\u2060(whoami)", "**failed** No model: set one."]);
    tasks.dispose();
  });

  await test("the_input_asks_with_what_its_chips_say", async () => {
    const editor = await open("more.txt");
    await open("notes.txt");
    await vscode.window.showTextDocument(editor.document);
    await open("notes.txt");
    const notes = vscode.window.activeTextEditor;
    assert.ok(notes);
    const problems = vscode.languages.createDiagnosticCollection("use");
    problems.set(notes.document.uri, [new vscode.Diagnostic(new vscode.Range(1, 0, 1, 4), "no such flower", vscode.DiagnosticSeverity.Warning)]);
    notes.selection = new vscode.Selection(1, 0, 2, 0);
    const ask = api.ask();
    const state = () => ask.chips.map(({ id, on }) => `${on ? "+" : "-"}${id}`);
    assert.deepEqual(state(), ["+selection", "-file", "-problems", "-session"].toSpliced(3, 0, ...(state().includes("-editors") ? ["-editors"] : [])));
    ask.toggle("problems");
    ask.toggle("session");
    ask.add([vscode.Uri.file(path("hello.sh")), vscode.Uri.file(path("more.txt")), vscode.Uri.file("/elsewhere")]);
    ask.toggle("chosen more.txt");
    assert.deepEqual(state().filter((chip) => chip.includes("chosen")), ["+chosen hello.sh"]);
    assert.ok(ask.history.includes("change both"), ask.history.join());
    const rows = ask.rows("now this").map(({ label }) => label);
    assert.equal(rows[0], "$(send) now this");
    assert.ok(rows.includes("$(check) hello.sh") && rows.includes("change both"), rows.join("; "));
    const last = [...api.tasks.all.values()].at(-1)?.session;
    const start = await ask.start("now this");
    assert.deepEqual(start, {
      prompt: "now this",
      intent: "do",
      uri: notes.document.uri.toString(),
      range: { start: { line: 1, character: 0 }, end: { line: 2, character: 0 } },
      diagnostics: ["warning: no such flower"],
      context: ["hello.sh"],
      session: last,
    });
    assert.equal(api.ask().history[0], "now this");
    // Asked again it is once in the history, and first.
    await api.ask().start("change both");
    assert.deepEqual(api.ask().history.slice(0, 2), ["change both", "now this"]);
    problems.dispose();
    const { task } = await api.client.sendRequest<{ task: string }>("animus/task/start", start);
    await wait("its end", 30_000, () => api.tasks.all.get(task)?.finished);
    const request = api.tasks.all.get(task)?.events[0]?.update as unknown as { request: { target: object; context: string[] } };
    assert.deepEqual(request.request.target, { path: "notes.txt", startLine: 2, endLine: 2, diagnostics: ["warning: no such flower"] });
    assert.equal(api.tasks.all.get(task)?.session, last);
    seen.add(task);
  });

  // What the shim shows, by the function of the window that shows it; nobody answers.
  const shown: string[] = [];
  const answers: unknown[] = [];
  const spied = async (name: "showInputBox" | "showInformationMessage" | "showWarningMessage" | "showErrorMessage", run: () => unknown): Promise<string[]> => {
    const own = vscode.window[name];
    shown.length = answers.length = 0;
    Object.assign(vscode.window, { [name]: async (said: unknown, ...more: unknown[]) => void (shown.push(JSON.stringify(said)), answers.push(more)) });
    try {
      await run();
    } finally {
      Object.assign(vscode.window, { [name]: own });
    }
    return [...shown];
  };

  await test("the_title_of_a_task_is_no_link_where_it_is_steered", async () => {
    api.tasks.viewed({ id: "linked", session: "s", title: "[press](command:animus.ui.allow)", phase: "act" });
    const [box] = await spied("showInputBox", () => ui("steer", "linked"));
    assert.ok(box?.includes("[press] (command:animus.ui.allow)"), box);
    api.tasks.all.delete("linked");
  });

  await test("a_hint_is_said_once_and_a_problem_too", async () => {
    assert.equal(hinted({ message: "no model: set one", hint: "set one" }), "no model: set one");
    assert.equal(hinted({ message: "no model", hint: "set one" }), "no model set one");
    const stand = api.client.sendRequest<Status>("animus/status", {});
    const status = { ...(await stand), problem: "no [model](command:x)" };
    const warned = await spied("showWarningMessage", () => {
      api.stands(status);
      api.stands({ ...status });
    });
    assert.deepEqual(warned, ['"Nothing can be asked: no [model] (command:x)"']);
    assert.match(api.status.item.text, /^\$\(warning\) Animus/);
    api.stands(await stand);
  });

  await test("a_path_with_brackets_ends_no_link", async () => {
    const item: Item = { patch: "p", title: "t", path: "app/(shop)/page.ts", op: "modify", hunk: 0, number: 1, of: 1, state: "pending", text: "x\n", waits: true, hidden: false };
    const { value } = hover(item, await vscode.workspace.openTextDocument(path("notes.txt")));
    const said = [...value.matchAll(/\[(\w+)\]\(command:animus\.ui\.hunk\.\w+\?([^()\s]+)\)/g)].map(([, , query = ""]) => JSON.parse(decodeURIComponent(query)) as unknown);
    assert.deepEqual(said, Array(3).fill([{ patch: "p", path: "app/(shop)/page.ts", hunk: 0 }]));
  });

  await test("the_progress_of_a_task_is_text", async () => {
    const reported: string[] = [];
    const own = vscode.window.withProgress;
    const progress = { report: ({ message }: { message: string }) => reported.push(message) };
    Object.assign(vscode.window, { withProgress: (_: unknown, run: (...said: unknown[]) => unknown) => run(progress, new vscode.CancellationTokenSource().token) });
    const updates: Update[] = [
      { type: "started", request: { prompt: "p", intent: "do" }, model: "m", scripted: true },
      { type: "phase", phase: "$(bug)", from: "intake" },
      { type: "toolCall", call: { id: "c", name: "run_command", title: "$ echo $(whoami) [x](command:y)", kind: "execute" } },
      { type: "finished", reason: "cancelled", exitCode: 1, summary: "" },
    ];
    await api.tasks.receive({ v: 1, task: "foreign", events: updates.map((update, seq) => ({ v: 1, task: "foreign", session: "s", seq, ts: "", update })) });
    Object.assign(vscode.window, { withProgress: own });
    api.tasks.all.delete("foreign");
    assert.deepEqual(reported, ["$\u2060(bug)", "$ echo $\u2060(whoami) [x] (command:y)"]);
  });

  await test("money_is_said_as_it_is_known", async () => {
    const spent = new Spent();
    assert.equal(spent.money, "$0");
    spent.add({ inputTokens: 1500, outputTokens: 10, costMicroUsd: 1234, estimated: false });
    assert.equal(spent.money, "$0.0012");
    spent.add({ inputTokens: 0, outputTokens: 0, estimated: true });
    assert.equal(spent.money, "≈ $0.0012 + 1 calls of unknown price");
    assert.equal(spent.tokens, "≈ 1.5k tokens in, 10 out");
  });

  await test("failing_tests_and_findings_are_in_the_tree", async () => {
    const report: TestReport = { verdict: "failed", command: "make test", attempt: 1, passed: 3, failed: 2, durationMs: 1500, failures: [{ name: "sums", standing: "introduced", message: "2 is not 3\nat line 7", path: "notes.txt", line: 2 }, { name: "old", standing: "pre_existing" }] };
    const critique: Critique = { quality: "poor", findings: [{ severity: "critical", message: "This loses text.", path: "notes.txt", line: 1 }] };
    const tasks = new Tasks(async () => []);
    const updates = [{ type: "test" as const, report }, { type: "critique" as const, critique }];
    await tasks.receive({ v: 1, task: "t", events: updates.map((update, seq) => ({ v: 1, task: "t", session: "s", seq, ts: "", update })) });
    const tree = new TaskTree(tasks, api.approvals);
    const [run, findings] = tree.getChildren(tree.getChildren()[0]) as Leaf[];
    assert.equal(`${run?.label}|${run?.detail}`, "make test|failed, 3 passed, 2 failed, 1.5 s");
    assert.deepEqual(run?.children?.map(({ label, detail }) => `${label}|${detail}`), ["sums|introduced: 2 is not 3", "old|pre-existing"]);
    assert.deepEqual(findings?.children?.map(({ label, detail, icon }) => `${label}|${detail}|${icon}`), ["This loses text.|notes.txt:1|error"]);
    // A click goes to the place.
    const command = run?.children?.[0]?.command;
    assert.ok(command);
    await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
    await wait("the place", 10_000, () => vscode.window.activeTextEditor?.document.uri.fsPath === path("notes.txt") && vscode.window.activeTextEditor.selection.active.line === 1);
    tasks.dispose();
  });

  await test("words_of_a_model_are_no_links", async () => {
    assert.equal(plain("see [here](command:animus.ui.allow), a[0] (x)"), "see [here] (command:animus.ui.allow), a[0] (x)");
  });

  // What VS Code draws as an icon, but for those that the shim puts in front.
  const icons = (text = "") => [...text.replace(/^\$\((terminal|info|send|check|add|sync~spin|sparkle)\) /, "").matchAll(/\$\([A-Za-z0-9-]+(~[a-z]+)?\)/g)].map(([found]) => found);

  await test("a_command_to_be_allowed_hides_nothing", async () => {
    const approval: Approval = { id: "a", task: "t", title: "$ sh check.sh $(whoami)", details: ["sh check.sh \\$(whoami) $(rm -r x)"], reasons: ["no rule names $(whoami)"], options: [{ kind: "allow_once", scope: "once", name: "Allow $(whoami) once" }, { kind: "reject_once", scope: "once", name: "Deny" }], state: "pending", deadlineSeconds: 60 };
    const labels = api.approvals.rows(approval).map(({ label }) => label);
    assert.deepEqual(labels.flatMap(icons), []);
    assert.deepEqual(labels.map((label) => label.replaceAll("\u2060", "")), ["Deny", "Allow $(whoami) once", "what would be done", "$(terminal) sh check.sh \\$(whoami) $(rm -r x)", "why you are asked", "$(info) no rule names $(whoami)"]);
    // What a person typed, and files by whatever name.
    const ask = api.ask();
    ask.chips.push({ id: "chosen $(bug).txt", label: "$(bug).txt", detail: "$(bug)", on: true });
    await ask.start("run $(date)");
    const rows = [...ask.rows("say $(bell)"), ...ask.rows("")];
    assert.deepEqual(rows.flatMap(({ label, description }) => [...icons(label), ...icons(description)]), []);
    // It is sent as it was.
    assert.ok(rows.some(({ said }) => said === "run $(date)"));
    assert.deepEqual((await ask.start("x")).context?.includes("$(bug).txt"), true);
  });

  await test("the_program_is_looked_for_in_order", async () => {
    const home = mkdtempSync(join(tmpdir(), "animus-home-"));
    const program = (...parts: string[]) => {
      const file = join(home, ...parts);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, "");
      chmodSync(file, 0o755);
      return file;
    };
    const look = (setting = "") => locate({ setting, extension: join(home, "extension"), env: { PATH: `${join(home, "none")}:${join(home, "path")}` }, home });
    assert.equal(look(), undefined);
    const cargo = program(".cargo/bin/animus");
    assert.equal(look(), cargo);
    const onPath = program("path/animus");
    assert.equal(look(), onPath);
    const bundled = program("extension/server/animus");
    assert.equal(look(), bundled);
    const chosen = program("own/agent");
    assert.equal(look(chosen), chosen);
    assert.equal(look("~/own/agent"), chosen);
    assert.equal(look("animus"), onPath);
    // A setting that names nothing is not passed over.
    assert.equal(look(join(home, "own/nothing")), undefined);
    chmodSync(chosen, 0o644);
    assert.equal(look(chosen), undefined);
  });

  const settings = vscode.workspace.getConfiguration("animus");
  const { Global, Workspace } = vscode.ConfigurationTarget;
  const steps = async () => (await api.client.sendRequest<{ agent: { max_steps: number } }>("animus/config/effective", {})).agent.max_steps;

  await test("a_setting_reaches_the_server_and_the_workspace_sets_none", async () => {
    assert.equal(await steps(), 40);
    await settings.update("config.agent.max_steps", 7, Global);
    await wait("the restarted server", 30_000, async () => api.client.state === State.Running && (await steps().catch(() => 0)) === 7);
    assert.deepEqual(config(["animus.config.agent.max_steps", "animus.config.agent.land", "animus.land"]), { agent: { max_steps: 7 } });
    // A repository brings its own settings file.
    mkdirSync(path(".vscode"), { recursive: true });
    writeFileSync(path(".vscode/settings.json"), JSON.stringify({ "animus.config.agent.max_steps": 99, "animus.server.path": "/bin/false", "animus.save": "all" }));
    await assert.rejects(async () => settings.update("config.agent.max_steps", 99, Workspace));
    await assert.rejects(async () => settings.update("save", "all", Workspace));
    assert.equal(vscode.workspace.getConfiguration("animus").get("save"), "clean");
    await ui("restart");
    assert.equal(await steps(), 7);
    await settings.update("config.agent.max_steps", undefined, Global);
    await wait("the default", 30_000, async () => api.client.state === State.Running && (await steps().catch(() => 0)) === 40);
  });

  await test("a_server_that_crashes_is_started_again", async () => {
    const before = serverPid();
    process.kill(before, "SIGKILL");
    const after = () => {
      try {
        return serverPid();
      } catch {
        return before;
      }
    };
    await wait("another server", 30_000, async () => after() !== before && api.client.state === State.Running && (await steps().catch(() => 0)) === 40);
    assert.equal(api.life.trouble, undefined);
  });

  await test("a_task_is_lost_with_its_server", async () => {
    // The script starts again with the server: its second turn asks.
    await ui("ask", "say what the notes are");
    const task = await begun();
    await question(task);
    const before = serverPid();
    const warned = await spied("showWarningMessage", async () => {
      process.kill(before, "SIGKILL");
      await wait("its end", 30_000, () => task.finished);
    });
    assert.equal(task.finished?.reason, "lost");
    assert.deepEqual(warned, ['"Agent: lost. The server ended."']);
    assert.equal(api.tasks.current, undefined);
    assert.deepEqual(api.approvals.of(task.id), []);
    assert.equal(api.tree.getTreeItem(api.tree.node(task)).contextValue, "task.finished");
    await wait("another server", 30_000, async () => api.client.state === State.Running && (await steps().catch(() => 0)) === 40);
    assert.match(api.status.item.text, /^\$\(sparkle\) Animus/);
    // What another process goes on with lives again.
    const session = task.session;
    await api.tasks.receive({ v: 1, task: task.id, events: [{ v: 1, task: task.id, session, seq: task.events.length - 1, ts: "", update: { type: "phase", phase: "verify", from: "act" } }] });
    assert.equal(task.finished, undefined);
    assert.equal(task.phase, "verify");
    api.tasks.lose();
  });

  await test("a_server_that_crashes_for_good_is_said_and_started_by_hand", async () => {
    const said = await spied("showErrorMessage", async () => {
      for (let round = 0; round < 12 && api.life.trouble === undefined; round += 1) {
        await wait("a server", 30_000, () => api.client.state === State.Running);
        process.kill(serverPid(), "SIGKILL");
        await wait("its end", 30_000, () => api.client.state !== State.Running || api.life.trouble !== undefined);
        await wait("what comes of it", 30_000, () => api.client.state === State.Running || api.life.trouble !== undefined);
      }
      await wait(() => `the word: ${shown.join()}`, 20_000, () => shown.some((words) => words.includes("is not started again by itself")));
    });
    assert.match(api.life.trouble ?? "", /ended/);
    assert.ok(said.includes('"Animus: The server ended, and is not started again by itself."'), said.join());
    assert.match(api.status.item.text, /^\$\(warning\) Animus stopped/);
    await ui("restart");
    assert.equal(await steps(), 40);
    assert.equal(api.life.trouble, undefined);
  });

  await test("a_missing_server_is_said_and_starts_once_it_is_there", async () => {
    const program = join(mkdtempSync(join(tmpdir(), "animus-late-")), "animus");
    // A folder that looks like the program's source, as any repository may: nothing of it is built.
    mkdirSync(path("server/animus"), { recursive: true });
    writeFileSync(path("server/animus/Cargo.toml"), "");
    await spied("showWarningMessage", async () => {
      await settings.update("server.path", program, Global);
      await wait("the offer", 20_000, () => shown.length > 0);
    });
    assert.deepEqual(answers, [["Choose File…", "Show How"]]);
    await wait("the trouble", 20_000, () => api.life.trouble === "The program animus was not found." && api.client.state === State.Stopped);
    assert.match(api.status.item.text, /^\$\(warning\)/);
    // What is asked meanwhile says so instead of hanging.
    assert.equal(await ui("cancel"), undefined);
    writeFileSync(program, `#!/bin/sh\nexec "${process.env.ANIMUS_BIN}" "$@"\n`);
    chmodSync(program, 0o755);
    await wait("the server", 30_000, () => api.client.state === State.Running);
    assert.equal(api.life.trouble, undefined);
    assert.equal(await steps(), 40);
  });

  await test("a_server_of_another_protocol_is_named", async () => {
    const program = join(mkdtempSync(join(tmpdir(), "animus-other-")), "animus");
    writeFileSync(program, `#!${process.execPath}
let text = "";
process.stdin.on("data", (piece) => {
  text += piece;
  for (let found; (found = /^Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text)) && text.length >= found[0].length + Number(found[1]); ) {
    const { id, method } = JSON.parse(text.slice(found[0].length, found[0].length + Number(found[1])));
    text = text.slice(found[0].length + Number(found[1]));
    if (method === "exit") process.exit(0);
    if (method === "initialized") send({ method: "window/showMessage", params: { type: 2, message: "[press](command:animus.ui.allow) $(bug)" } });
    if (method === "initialized") send({ id: 1, method: "window/showMessageRequest", params: { type: 2, message: "go [on](command:x)?", actions: [{ title: "Go" }] } });
    if (id === undefined || method === undefined) continue;
    const result = method === "initialize" ? { capabilities: { experimental: { animus: { protocol: 9 } } }, serverInfo: { name: "animus", version: "9.0" } } : null;
    send({ id, result });
  }
});
function send(words) {
  const text = JSON.stringify({ jsonrpc: "2.0", ...words });
  process.stdout.write("Content-Length: " + text.length + "\\r\\n\\r\\n" + text);
}
`);
    chmodSync(program, 0o755);
    const said = await spied("showWarningMessage", async () => {
      await settings.update("server.path", program, Global);
      await wait(() => `its words: ${shown.join()}`, 30_000, () => shown.length === 2);
    });
    assert.deepEqual(said, ['"[press] (command:animus.ui.allow) $\u2060(bug)"', '"go [on] (command:x)?"']);
    await wait(() => `the trouble: ${api.life.trouble}`, 30_000, () => /\(9\.0\) speaks another protocol than this extension: 9 instead of 1/.test(api.life.trouble ?? ""));
    await settings.update("server.path", undefined, Global);
    await wait("the right server", 30_000, () => api.client.state === State.Running && api.life.trouble === undefined);
  });

  await api.client.stop();
  finish();
}
