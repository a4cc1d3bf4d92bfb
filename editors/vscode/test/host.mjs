// Starts a VS Code server and a headless browser, runs a suite of dist/test in the real extension host, and passes its
// lines on. Usage: host.mjs SERVER_DIR BROWSER WORKSPACE DATA_DIR SUITE. `cargo xtask test` prepares what it needs.
// `web.js` runs in the browser's own extension host. A suite `*.mjs` of this folder is no code in an extension host: the
// extension is installed from the file ANIMUS_VSIX as a user would, and the suite drives the page.
//
// VS Code takes the tests from the page's `payload` and reports by `codeAutomationLog` and `codeAutomationExit`, which it
// finds on the page only where the server runs with the smoke-test driver.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [serverDir, browserPath, workspace, data, suite] = process.argv.slice(2);
const extension = dirname(dirname(fileURLToPath(import.meta.url)));
const deadline = 240_000;
const screen = suite.endsWith(".mjs");
// No gallery: the tests ask nothing of the network.
const env = { ...process.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
if (screen) {
  // Where the suite puts the program, as a user would.
  env.PATH = `${join(data, "bin")}${delimiter}${env.PATH}`;
  delete env.ANIMUS_BIN;
  // As started from a terminal: the PATH is this one, not that of a login shell.
  env.VSCODE_CLI = "1";
}

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const host = `127.0.0.1:${port}`;

mkdirSync(join(data, "data", "Machine"), { recursive: true });
writeFileSync(
  join(data, "data", "Machine", "settings.json"),
  JSON.stringify({
    "files.autoSave": "off",
    "security.workspace.trust.enabled": false,
    "chat.disableAIFeatures": true,
    "git.enabled": false,
    "extensions.autoCheckUpdates": false,
    "extensions.ignoreRecommendations": true,
    ...(screen ? { "workbench.startupEditor": "none", "workbench.secondarySideBar.defaultVisibility": "hidden", "editor.minimap.enabled": false } : {}),
    ...(suite === "web.js" ? { "remote.extensionKind": { "animus.animus": ["web"] } } : {}),
  }),
);

if (screen) {
  const words = ["--install-extension", process.env.ANIMUS_VSIX, "--server-data-dir", data, "--accept-server-license-terms"];
  execFileSync(process.execPath, [join(serverDir, "out", "server-main.js"), ...words], { env, stdio: ["ignore", 2, 2] });
}

const server = spawn(
  process.execPath,
  [
    join(serverDir, "out", "server-main.js"),
    ...["--host", "127.0.0.1", "--port", String(port), "--without-connection-token", "--accept-server-license-terms"],
    ...["--server-data-dir", data, "--telemetry-level", "off", "--disable-workspace-trust"],
    // The driver mutes notifications, which the page must show.
    ...(screen ? [] : ["--enable-smoke-test-driver"]),
  ],
  { stdio: ["ignore", "pipe", "pipe"], env },
);
let serverLog = "";
const listening = new Promise((resolve, reject) => {
  const take = (chunk) => {
    serverLog += chunk;
    if (serverLog.includes("Extension host agent listening")) resolve();
  };
  server.stdout.on("data", take);
  server.stderr.on("data", take);
  server.on("exit", (code) => reject(new Error(`the VS Code server ended with ${code}`)));
});

let code = 1;
let browser;
const timer = setTimeout(() => finish(new Error(`no end after ${deadline / 1000} s`)), deadline);

async function finish(problem) {
  clearTimeout(timer);
  if (problem) console.error(`${problem.stack ?? problem}\n--- server\n${serverLog.slice(-4000)}`);
  await browser?.close().catch(() => {});
  server.removeAllListeners("exit");
  server.on("exit", () => process.exit(code));
  server.kill("SIGTERM");
  setTimeout(() => {
    server.kill("SIGKILL");
    process.exit(code);
  }, 5_000);
}

try {
  await listening;
  // The browser's own sandbox needs what root and containers lack; the page is ours, on loopback.
  browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const folder = `http://${host}/?folder=${encodeURIComponent(workspace)}`;
  if (screen) {
    const { drive } = await import(new URL(suite, import.meta.url));
    await page.goto(folder);
    code = await drive(page, workspace, join(data, "bin"));
    await finish();
  } else await runSuite(page, folder);
} catch (problem) {
  await finish(problem);
}

async function runSuite(page, folder) {
  const pageLog = [];
  // The whole console of the workbench comes this way; the tests' own lines are passed on.
  await page.exposeFunction("codeAutomationLog", (type, args) => {
    const line = args.join(" ");
    if (line.startsWith("test ")) console.log(line);
    else pageLog.push(`${type}: ${line}`);
  });
  const exited = new Promise((resolve) => void page.exposeFunction("codeAutomationExit", resolve));
  const remote = (path) => `vscode-remote://${host}${path}`;
  const payload = JSON.stringify([
    ["extensionDevelopmentPath", remote(extension)],
    ["extensionTestsPath", remote(join(extension, "dist", "test", suite))],
  ]);
  await page.goto(`${folder}&payload=${encodeURIComponent(payload)}`);
  code = await exited;
  if (code !== 0) writeFileSync(join(data, "page.log"), pageLog.join("\n"));
  await finish();
}
