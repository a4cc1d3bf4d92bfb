// A real Kakoune with kak-lsp in a terminal, with the config of docs/editors/kakoune.md. What a person would read is read from the
// screen; menus are answered by keys. Usage: kakoune.mjs TMUX KAK KAK_LSP
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
const terminal = (...words) => execFileSync(tmux, ['-L', session, '-f', '/dev/null', ...words], { env, encoding: 'utf8' });
const screen = () => terminal('capture-pane', '-p');
const keys = (...words) => terminal('send-keys', ...words);
// Commands as `:` takes them.
const command = (text) => execFileSync(kak, ['-p', session], { env, input: `evaluate-commands -client client0 %§${text}§` });
const pause = () => new Promise((done) => setTimeout(done, 50));

async function wait(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = condition(screen());
    if (found) return found;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}; the screen:\n${screen()}`);
    await pause();
  }
}

const shows = (part) => wait(`\`${part}\``, (text) => text.includes(part));
const lacks = (part) => wait(`\`${part}\` to go`, (text) => !text.includes(part));

const inMenu = (text) => text.includes('prompt - client0@') && text;
const outside = () => wait('the menu to go', (text) => !inMenu(text));

async function leaveMenu() {
  keys('Escape');
  await outside();
}

// Takes the action whose title has `part`, once it is offered at the cursor.
async function take(part, then = choose) {
  const end = Date.now() + 60_000;
  for (;;) {
    command('lsp-code-actions');
    const offered = await wait('a menu', inMenu);
    if (offered.includes(part)) break;
    if (Date.now() > end) throw new Error(`never offered: ${part}; the screen:\n${offered}`);
    await leaveMenu();
    await pause();
  }
  await then(part);
}

async function choose(part) {
  keys('-l', part);
  await wait('what was typed', (text) => text.trimEnd().split('\n').at(-1).includes(part));
  keys('Tab');
  keys('Enter');
  await outside();
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
terminal('new-session', '-d', '-x', '180', '-y', '50', '-c', workspace, kak, '-s', session, 'asked/hello.sh');

await test('the_config_of_the_page_starts_the_server', async () => {
  await shows('echo hello');
  await take('Ask agent to explain', leaveMenu);
});

// The answer to the question of a task that runs the script: `answer` is what the person does once they see it.
async function asked(answer) {
  command('animus-ask run the script');
  await shows('🔔1');
  command('lsp-show-message-request-next');
  await wait('the question', inMenu);
  await shows('sh asked/hello.sh');
  await answer();
  await shows('It was run or not.');
  command('echo seen');
  await lacks('It was run or not.');
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
  await asked(async () => keys('Escape'));
  await asked(async () => {
    await shows('1 Deny');
    keys('Enter');
  });
  expect('denied', results('"denied"'), 2);
  await asked(() => choose('3 Allow once'));
  expect('run', results('"exitCode":0'), 1);
});

// Kakoune tells kak-lsp that it ends: it gets the time to.
try {
  command('kill!');
  for (const end = Date.now() + 10_000; Date.now() < end; await pause()) terminal('has-session');
  terminal('kill-server');
} catch {
  // It is gone, and the terminal with it.
}
process.exit(failed === 0 ? 0 : 1);
