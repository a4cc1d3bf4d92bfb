// curl: NDJSON over HTTP/1.1 and HTTP/2, the dialects, hang-up and detach, and Connect's plain JSON.
import { spawn } from "node:child_process";
import { equal, holds, test, until } from "./check.mjs";

export async function curl(door) {
  const start = (...words) =>
    spawn("curl", ["-sS", "-N", "-H", `Authorization: Bearer ${door.token}`, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
  const run = (...words) =>
    new Promise((done) => {
      const child = start(...words);
      let out = "";
      child.stdout.on("data", (chunk) => (out += chunk));
      child.on("close", () => done(out));
    });
  const post = (path, body) => ["-H", "Content-Type: application/json", "-d", JSON.stringify(body), `${door.base}${path}`];
  const lines = (text) => text.trim().split("\n").map((line) => JSON.parse(line));

  for (const [name, words] of [
    ["http1", []],
    ["http2", ["--http2-prior-knowledge"]],
  ]) {
    await test(`curl_${name}_runs_a_task_in_our_words`, async () => {
      const events = lines(await run(...words, ...post("/agent/run", { prompt: "Say something" })));
      equal(events.map((event) => event.seq), events.map((_, at) => at), "numbers");
      equal(events.at(-1).update.reason, "no_change", "the end");
    });
  }
  await test("curl_runs_a_task_in_the_words_of_the_original_program", async () => {
    const events = lines(await run(...post("/agent/run", { session_id: "curl", prompt: "Say something" })));
    const last = events.at(-1);
    equal([last.type, last.done, last.finish_reason, last.session_id], ["done", true, "no_change", "curl"], "the end");
    equal(events.filter((event) => event.done).length, 1, "ends");
  });
  await test("curl_gets_the_words_it_asks_for", async () => {
    const ours = lines(await run(...post("/agent/run?events=animus", { session_id: "curl", prompt: "Say something" })));
    equal(ours.at(-1).update.type, "finished", "ours");
    const its = lines(await run(...post("/agent/run?events=seed", { prompt: "Say something" })));
    equal(its.at(-1).type, "done", "its");
  });
  const cut = async (query, session) => {
    const child = start(...post(`/agent/run${query}`, { session_id: session, prompt: "Say something" }));
    await new Promise((heard) => child.stdout.once("data", heard));
    child.kill("SIGKILL");
    return door.taskOf(session);
  };
  await test("curl_hangs_up_and_the_task_is_cancelled", async () => {
    const task = await cut("", "curl-hang-up");
    await until("the server cancels", async () => (await door.ending(task)) === "cancelled");
  });
  await test("curl_hangs_up_detached_and_the_task_goes_on", async () => {
    const task = await cut("?detach=true", "curl-detached");
    await until("the task ends", async () => (await door.ending(task)) === "no_change");
    const rest = lines(await run(`${door.base}/agent/events?task=${task}&after=1&events=animus`));
    equal([rest[0].seq, rest.at(-1).update.type], [2, "finished"], "what was missed");
  });
  await test("curl_calls_connect_with_plain_json", async () => {
    const answer = await run(...post("/animus.v1.AgentService/Call", { verb: "task/list", params: {} }));
    holds(JSON.parse(answer).result.tasks.length > 0, answer);
  });
  await test("curl_without_or_with_the_wrong_token_is_refused", async () => {
    for (const header of ["X-Nothing: 1", "Authorization: Bearer wrong", "Authorization: Basic Zm9vOmJhcg=="]) {
      const child = spawn("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", header, ...post("/agent/run", { prompt: "x" })]);
      let code = "";
      child.stdout.on("data", (chunk) => (code += chunk));
      await new Promise((done) => child.on("close", done));
      equal(code, "401", header);
    }
  });
}
