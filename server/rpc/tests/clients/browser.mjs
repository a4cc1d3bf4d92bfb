// A page of another origin in a real browser: whatever it tries, it starts no task and reads nothing.
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { equal, test } from "./check.mjs";

const page = (base, token) => `<!doctype html><body><script>
const run = ${JSON.stringify(base)} + "/agent/run";
const call = ${JSON.stringify(base)} + "/connect.agent.v1.AgentService/RunTask";
const body = JSON.stringify({ session_id: "evil", prompt: "Say something" });
const authorization = "Bearer ${token}";
const read = [];
const tries = [];
const attempt = (name, promise) => tries.push(promise.then((text) => read.push(name + ": " + text), () => {}));
for (const url of [run, call]) {
  for (const mode of ["cors", "no-cors"]) {
    for (const type of ["application/json", "text/plain", "application/connect+json"]) {
      for (const headers of [{}, { authorization }]) {
        attempt(mode + " " + type, fetch(url, { method: "POST", mode, credentials: "include", headers: { "content-type": type, ...headers }, body })
          .then((answer) => answer.type === "opaque" ? Promise.reject() : answer.text()));
      }
    }
  }
  attempt("xhr", new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("content-type", "application/json");
    request.setRequestHeader("authorization", authorization);
    request.onload = () => done(request.responseText);
    request.onerror = fail;
    request.send(body);
  }));
  attempt("socket", new Promise((done, fail) => {
    const socket = new WebSocket(url.replace("http", "ws"));
    socket.onopen = () => { socket.send(body); done("open"); };
    socket.onerror = fail;
  }));
  navigator.sendBeacon(url, new Blob([body], { type: "text/plain" }));
  const frame = document.createElement("iframe");
  frame.name = "frame" + tries.length;
  document.body.append(frame);
  const form = document.createElement("form");
  form.method = "POST";
  form.enctype = "text/plain";
  form.action = url;
  form.target = frame.name;
  const field = document.createElement("input");
  field.name = body.slice(0, -1) + ',"correlation_id":"';
  field.value = '"}';
  form.append(field);
  document.body.append(form);
  tries.push(new Promise((done) => { frame.onload = done; }));
  form.submit();
}
for (const path of ["/metrics", "/healthz", "/tools/schemas"]) {
  attempt(path, fetch(${JSON.stringify(base)} + path).then((answer) => answer.text()));
  attempt(path + " with token", fetch(${JSON.stringify(base)} + path, { headers: { authorization } }).then((answer) => answer.text()));
}
window.over = Promise.all(tries).then(() => read);
</script></body>`;

export async function browser(door, executablePath) {
  await test("a_page_of_another_origin_starts_nothing_and_reads_nothing", async () => {
    const count = async () => (await door.verb("task/list")).tasks.length;
    const before = await count();
    const site = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html");
      answer.end(page(door.base, door.token));
    });
    await new Promise((done) => site.listen(0, "127.0.0.1", done));
    const started = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    try {
      const tab = await started.newPage();
      for (const host of ["127.0.0.1", "localhost"]) {
        await tab.goto(`http://${host}:${site.address().port}/`);
        equal(await tab.evaluate(() => window.over), [], `what the page on ${host} could read`);
      }
      // A sandboxed frame has the origin \`null\`.
      await tab.setContent(`<iframe sandbox="allow-scripts allow-forms" src="http://127.0.0.1:${site.address().port}/"></iframe>`);
      const frame = await (await tab.waitForSelector("iframe")).contentFrame();
      await frame.waitForFunction(() => window.over);
      equal(await frame.evaluate(() => window.over), [], "what a page without an origin could read");
    } finally {
      await started.close();
      site.close();
    }
    equal(await count(), before, "tasks");
    // The same request without a browser does start one, so the page failed for what it is.
    const { task } = await door.verb("task/start", { prompt: "Say something" });
    equal(await count(), before + 1, "tasks");
    await door.verb("task/cancel", { task });
  });
}
