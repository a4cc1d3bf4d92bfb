// A real Kakoune with kak-lsp in a terminal, with the config of docs/editors/kakoune.md. What a person would read is read from the
// screen; menus are answered by keys. Usage: kakoune.mjs TMUX KAK KAK_LSP
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

async function leaveMenu() {
  keys('Escape');
  await wait('the menu to go', (text) => text.includes('client0@'));
}

// Takes the action whose title has `part`, once it is offered at the cursor.
async function take(part) {
  const end = Date.now() + 60_000;
  for (;;) {
    command('lsp-code-actions');
    const offered = await wait('a menu', (text) => (/^ *(menu|prompt)?:? ?$/m.test(text), !text.includes('client0@') && text), 20);
    if (offered.includes(part)) break;
    if (Date.now() > end) throw new Error(`never offered: ${part}; the screen:\n${offered}`);
    await leaveMenu();
    await pause();
  }
  keys('-l', part);
  await pause();
  keys('Enter');
  await wait('the menu to go', (text) => text.includes('client0@'));
}

const to = (text) => command(`execute-keys gg/${text}<ret>`);
const open = (path) => command(`edit ${join(workspace, path)}`);

let failed = 0;
async function test(name, body) {
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
  command('edit *debug*');
  await lacks('error');
  command('edit asked/hello.sh');
  await shows('echo hello');
  await take('Ask agent to explain');
});

try {
  command('kill!');
} catch {
  // It is gone already.
}
try {
  terminal('kill-server');
} catch {
  // It went with its only window.
}
process.exit(failed === 0 ? 0 : 1);
