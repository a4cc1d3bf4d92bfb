// A real Kakoune with kak-lsp in a terminal, with the config of docs/editors/kakoune.md. What a person would see is read from the
// screen and menus are answered by keys; what was said is read from the buffer *debug*, where it stays.
// Usage: kakoune.mjs TMUX KAK KAK_LSP
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [tmux, kak, lsp] = process.argv.slice(2);
const workspace = process.env.ANIMUS_TEST_WORKSPACE;
const session = `animus${process.pid}`;
const home = process.env.XDG_CONFIG_HOME;
const run = join(home, 'run');
mkdirSync(run, { recursive: true, mode: 0o700 });
mkdirSync(join(home, 'kak'), { recursive: true });
const env = {
  ...process.env,
  PATH: [dirname(process.env.ANIMUS_BIN), dirname(lsp), dirname(kak), process.env.PATH].join(':'),
  XDG_RUNTIME_DIR: run,
  TERM: 'xterm-256color',
  LC_ALL: 'C.UTF-8',
  SHELL: '/bin/sh',
};
// Nothing may hang: each has its time.
const call = (program, words, input = '') => {
  const options = { env, input, encoding: 'utf8', timeout: 30_000, stdio: ['pipe', 'pipe', 'ignore'] };
  return execFileSync(program, words, options);
};
const terminal = (...words) => call(tmux, ['-L', session, '-f', '/dev/null', ...words]);
const screen = () => terminal('capture-pane', '-p');
const keys = (...words) => terminal('send-keys', ...words);
// Commands as `:` takes them.
const command = (text) => call(kak, ['-p', session], `evaluate-commands -client client0 %§${text}§`);
const pause = () => new Promise((done) => setTimeout(done, 100));

async function until(what, look, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}; the screen:\n${screen()}\nsaid: ${await debug()}`);
    await pause();
  }
}

const wait = (what, condition, seconds) => until(what, () => condition(screen()), seconds);
const shows = (part) => wait(`\`${part}\``, (text) => text.includes(part));
const lacks = (part) => wait(`\`${part}\` to go`, (text) => !text.includes(part));

// What the buffer *debug* holds: kak-lsp puts every message of the server there.
async function debug() {
  const [copy, done] = [join(run, 'debug'), join(run, 'done')];
  rmSync(done, { force: true });
  call(kak, ['-p', session], `evaluate-commands -no-hooks -buffer *debug* %{ write! ${copy}; echo -to-file ${done} done }`);
  for (const end = Date.now() + 30_000; !existsSync(done); await pause()) {
    if (Date.now() > end) return 'Kakoune does not answer';
  }
  return readFileSync(copy, 'utf8');
}

let heard = 0;
// Waits until the server says this behind what was heard last.
async function says(part) {
  heard = await until(`the words \`${part}\``, async () => {
    const at = (await debug()).indexOf(part, heard);
    return at < 0 ? 0 : at + part.length;
  });
}

const mode = 'prompt - client0@';
const inMenu = (text) => text.includes(mode);
const rows = (text) => text.trimEnd().split('\n').slice(0, -1);
const outside = () => wait('the menu to go', (text) => !inMenu(text));

async function leaveMenu() {
  keys('Escape');
  await outside();
}

// Whether the open menu has a title with this; its rows come a little after it.
async function offers(part) {
  try {
    await wait(part, (text) => rows(text).some((row) => row.includes(part)), 4);
    return true;
  } catch {
    return false;
  }
}

// Takes the action whose title has `part`, once it is offered at the cursor.
async function take(part, then = choose) {
  await until(`the offer \`${part}\``, async () => {
    command('echo');
    await lacks('no actions available');
    keys('Space', 'a');
    await wait('the actions', (text) => inMenu(text) || text.includes('no actions available'));
    if (!inMenu(screen())) return false;
    if (await offers(part)) return true;
    await leaveMenu();
    return false;
  });
  await then(part);
}

// The titles in the open menu, which stand in columns, and what stands at its prompt.
const cells = (line) => line.split(/\s{2,}/);
const titles = (text) => rows(text).flatMap(cells);
const typed = (text) => cells(text.trimEnd().split('\n').at(-1))[0];

// Types a part of a title, lets Kakoune complete it, and takes it once it stands there.
async function choose(part) {
  keys('-l', part);
  await wait('what was typed', (text) => typed(text).includes(part));
  const stands = (text) => typed(text).includes(part) && titles(text).includes(typed(text));
  await until(`\`${part}\` at the prompt`, async () => {
    keys('Tab');
    return wait(part, stands, 2).catch(() => false);
  });
  keys('Enter');
  await outside();
}

const to = (text) => command(`execute-keys gg/${text.replaceAll(' ', '<space>')}<ret>`);
const open = (path) => command(`edit ${join(workspace, path)}`);

// Waits until the file has these bytes.
async function holds(path, bytes) {
  const there = () => readFileSync(join(workspace, path), 'latin1');
  try {
    await until('the file', () => there() === bytes);
  } catch (error) {
    throw new Error(`${path} has ${JSON.stringify(there())}, not ${JSON.stringify(bytes)}; ${error.message}`);
  }
}

async function saves(path, bytes) {
  command('write');
  await holds(path, bytes);
}

let failed = 0;
async function test(name, body) {
  if (failed) return;
  let problem;
  try {
    await body();
  } catch (error) {
    problem = String(error.message).replaceAll('\n', '\n  | ');
  }
  failed += problem === undefined ? 0 : 1;
  console.log(`test kakoune::${name} ... ${problem === undefined ? 'ok' : `FAILED: ${problem}`}`);
}

const page = readFileSync('docs/editors/kakoune.md', 'utf8');
writeFileSync(join(home, 'kak', 'kakrc'), /```kak\n(.*?)\n```/s.exec(page)[1]);
terminal('new-session', '-d', '-x', '240', '-y', '50', '-c', workspace, kak, '-s', session, 'asked/hello.sh');

await test('the_config_of_the_page_starts_the_server', async () => {
  await shows('echo hello');
  await take('Ask agent to explain', leaveMenu);
});

// The answer to the question of a task that runs the script: `answer` is what the person does once they see it.
async function asked(answer) {
  keys('Space', 'p');
  await shows(':animus-ask ');
  keys('-l', 'run the script');
  keys('Enter');
  await shows('🔔1');
  keys('Space', 'y');
  await wait('the question', inMenu);
  await shows('sh asked/hello.sh');
  await shows('3 Allow once');
  await answer();
  await says('It was run or not.');
}

// How often a tool's result has this in it, by the server's own history.
function results(part) {
  const files = globSync(join(process.env.ANIMUS_STATE_DIR, 'workspaces/*/sessions/**/*.ndjson'));
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  return lines.filter((line) => line.includes('"toolResult"') && line.includes(part)).length;
}

function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}`);
}

await test('escape_and_return_are_no_and_a_choice_is_a_choice', async () => {
  await asked(leaveMenu);
  await asked(async () => {
    keys('Enter');
    await outside();
  });
  expect('denied', results('"denied"'), 2);
  await asked(() => choose('3 Allow once'));
  expect('run', results('"exitCode":0'), 1);
});

const menu = readFileSync(join(workspace, 'show/menu.txt'), 'latin1');
const prices = readFileSync(join(workspace, 'show/prices.txt'), 'latin1');

await test('a_comment_asks_and_hunks_are_decided_at_the_lines', async () => {
  open('show/menu.txt');
  await shows('cappuccino');
  command('execute-keys geo<esc>xc<ret>#<space>animus:<space>better<space>drinks<esc>');
  await take('Ask agent to do: better drinks');
  await says('The patch waits for your decision');
  to('cappuccino');
  await take('Accept hunk 1 of 2');
  await shows('green tea — sencha');
  await lacks('cappuccino');
  to('pain au chocolat');
  await take('Refuse hunk 2 of 2');
  to('flat white');
  await take('Take back hunk 1 of 2');
  await shows('cappuccino');
  await lacks('flat white');
  await saves('show/menu.txt', `${menu}# animus: better drinks\n`);
});

// Lines that end in \r\n, and no end of the last line: Kakoune writes one.
await test('the_review_document_is_a_file_with_the_same_decisions', async () => {
  await take("Review the agent's patch");
  await says('The review is in ');
  const path = /^\S+\.diff/.exec((await debug()).slice(heard))[0];
  command(`edit ${path}`);
  await shows('+Cards are welcome');
  to('\\+Cards are welcome');
  await take('Accept hunk 1 of 1 in show/prices.txt');
  await shows('@@ accepted');
  to('\\+Cards are welcome');
  keys('g', 'd');
  await shows('show/prices.txt 3:');
  await saves('show/prices.txt', `${prices.replace('Cards from 5.00.', 'Cards are welcome from 3.00.')}\r\n`);
});

// The buffer has no changes: kak-lsp saves it behind the edit.
await test('a_landed_patch_is_undone', async () => {
  keys('Space', 'u');
  await shows('Cards from 5.00.');
  await holds('show/prices.txt', `${prices}\r\n`);
});

await test('a_prompt_document_sends_steers_and_cancels', async () => {
  open('ask.animus.md');
  await shows('[new file]');
  command('execute-keys iLook<space>at<space>the<space>notes.<ret>---<ret>Mind<space>the<space>dates.<esc>');
  await shows('Mind the dates.');
  to('Look');
  await take('Send to the agent: Look at the notes.');
  await shows('Look at the notes.: ');
  to('Mind');
  await take("Tell the agent's task");
  keys('Space', 'k');
  await says('Agent: cancelled');
});

// Every process of this session: Kakoune, kak-lsp, the terminal, the server, and what they started.
function left() {
  const mark = `ANIMUS_CONFIG=${process.env.ANIMUS_CONFIG}`;
  return readdirSync('/proc').map(Number).filter((id) => {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, 'utf8');
      const variables = readFileSync(`/proc/${id}/environ`, 'utf8').split('\0');
      return line !== '' && id !== process.pid && variables.includes(mark);
    } catch {
      return false;
    }
  });
}

const named = (id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');

await test('it_ends_in_order', async () => {
  command('quit!');
  for (const end = Date.now() + 60_000; left().length > 0; await pause()) {
    if (Date.now() > end) throw new Error(`still there: ${left().map(named).join(', ')}`);
  }
});

// After a failure nothing may stay either.
for (const id of left()) process.kill(id, 'SIGKILL');
process.exit(failed === 0 ? 0 : 1);
