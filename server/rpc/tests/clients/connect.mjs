// Connect, gRPC and gRPC-Web by @connectrpc/connect-node: run, stream, cancel, hang up, wrong token.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { equal, holds, test, until } from "./check.mjs";

/** Messages that are sent one by one, when `push` is called. */
export function outbox(...first) {
  const waiting = [...first];
  let wake = () => {};
  let open = true;
  return {
    push(message) {
      waiting.push(message);
      wake();
    },
    close() {
      open = false;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      while (true) {
        if (waiting.length > 0) yield waiting.shift();
        else if (!open) return;
        else await new Promise((done) => (wake = done));
      }
    },
  };
}

const authorized = (token) => [
  (next) => (request) => {
    request.header.set("Authorization", `Bearer ${token}`);
    return next(request);
  },
];

export async function connect(door) {
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(door.protos, "animus.protoset")));
  const registry = createFileRegistry(set);
  const original = registry.getService("connect.agent.v1.AgentService");
  const ours = registry.getService("animus.v1.AgentService");
  const event = registry.getMessage("animus.v1.Event");
  const options = (httpVersion, token = door.token) => ({
    baseUrl: door.base,
    httpVersion,
    interceptors: authorized(token),
  });
  const both = {
    connect_json: createConnectTransport({ ...options("2"), useBinaryFormat: false }),
    connect_protobuf: createConnectTransport({ ...options("2"), useBinaryFormat: true }),
    grpc: createGrpcTransport(options("2")),
    grpc_web: createGrpcWebTransport(options("2")),
  };
  const oneWay = {
    http1_connect_json: createConnectTransport({ ...options("1.1"), useBinaryFormat: false }),
    http1_connect_protobuf: createConnectTransport({ ...options("1.1"), useBinaryFormat: true }),
    http1_grpc_web: createGrpcWebTransport(options("1.1")),
  };

  for (const [name, transport] of Object.entries(both)) {
    const client = createClient(original, transport);
    await test(`${name}_runs_and_streams_a_task`, async () => {
      const requests = outbox({ run: { sessionId: `s-${name}`, correlationId: "c-1", prompt: "Say something" } });
      const events = [];
      for await (const said of client.runTask(requests)) events.push(said);
      requests.close();
      const last = events.at(-1);
      equal([last.type, last.done, last.finishReason], ["done", true, "no_change"], "the end");
      equal(events.filter((said) => said.done).length, 1, "ends");
      const tokens = events.filter((said) => said.type === "token").map((said) => said.token);
      holds(tokens.length > 3, "the answer comes in pieces");
      holds(tokens.join("").startsWith("one two three"), tokens.join(""));
      holds(events.every((said) => said.sessionId === `s-${name}` && said.correlationId === "c-1"), "ids");
    });
    await test(`${name}_cancels_by_a_message`, async () => {
      const requests = outbox({ run: { sessionId: `c-${name}`, prompt: "Say something" } });
      const events = [];
      for await (const said of client.runTask(requests)) {
        events.push(said);
        if (said.type === "token" && events.filter((each) => each.type === "token").length === 1) {
          requests.push({ cancel: true, sessionId: `c-${name}` });
        }
      }
      requests.close();
      equal(events.at(-1).finishReason, "cancelled", "the end");
      equal(events.at(-2).error, "cancelled", "the error before it");
      const task = await door.taskOf(`c-${name}`);
      equal(await door.ending(task), "cancelled", "what the server knows");
    });
    await test(`${name}_hangs_up_and_the_task_is_cancelled`, async () => {
      const hangUp = new AbortController();
      const requests = outbox({ run: { sessionId: `h-${name}`, prompt: "Say something" } });
      let broke;
      try {
        for await (const said of client.runTask(requests, { signal: hangUp.signal })) {
          if (said.type === "token") hangUp.abort();
        }
      } catch (problem) {
        broke = ConnectError.from(problem).code;
      }
      equal(broke, Code.Canceled, "the client's own view");
      const task = await door.taskOf(`h-${name}`);
      await until("the server cancels", async () => (await door.ending(task)) === "cancelled");
    });
    await test(`${name}_keeps_a_deadline_and_cancels_the_task`, async () => {
      const requests = outbox({ run: { sessionId: `d-${name}`, prompt: "Say something" } });
      let code;
      try {
        for await (const _ of client.runTask(requests, { timeoutMs: 500 }));
      } catch (problem) {
        code = ConnectError.from(problem).code;
      }
      requests.close();
      equal(code, Code.DeadlineExceeded, "code");
      const task = await door.taskOf(`d-${name}`);
      await until("the server cancels", async () => (await door.ending(task)) === "cancelled");
    });
    await test(`${name}_says_what_is_wrong_with_a_message_and_goes_on`, async () => {
      const run = { sessionId: `w-${name}`, correlationId: "mine", prompt: "Say something" };
      const requests = outbox({ run }, { run }, { cancel: true, correlationId: "another" });
      const events = [];
      for await (const said of client.runTask(requests)) events.push(said);
      requests.close();
      equal(events.filter((said) => said.type === "error").length, 2, "errors");
      equal(events.at(-1).finishReason, "no_change", "the end");
    });
    await test(`${name}_follows_watches_and_calls`, () => reads(createClient(ours, transport), door, event));
  }
  for (const [name, transport] of Object.entries(oneWay)) {
    await test(`${name}_follows_watches_and_calls`, () => reads(createClient(ours, transport), door, event));
  }

  await test("a_session_of_the_clients_own_name_goes_on", async () => {
    const client = createClient(original, both.connect_json);
    const run = async () => {
      const requests = outbox({ run: { sessionId: "my-session", prompt: "Say something" } });
      for await (const said of client.runTask(requests)) if (said.done) equal(said.finishReason, "no_change", "the end");
      requests.close();
    };
    await run();
    await run();
    const { tasks } = await door.verb("task/list");
    equal(tasks.filter((task) => task.session === "my-session").length, 2, "tasks of the session");
  });

  for (const [name, first, code] of [
    ["a_hostile_session_id", { run: { sessionId: "../../etc", prompt: "x" } }, Code.InvalidArgument],
    ["a_stream_without_run", { cancel: true }, Code.InvalidArgument],
    ["a_run_that_is_cancelled_at_once", { run: { sessionId: "w", prompt: "x" }, cancel: true }, Code.InvalidArgument],
    ["a_task_without_words", { run: { sessionId: "w", prompt: " " } }, Code.InvalidArgument],
  ]) {
    await test(`${name}_is_refused`, async () => {
      const client = createClient(original, both.connect_json);
      let refused;
      try {
        for await (const _ of client.runTask(outbox(first)));
      } catch (problem) {
        refused = ConnectError.from(problem);
      }
      equal(refused?.code, code, "code");
      const [detail] = refused.details;
      equal(detail.type, "animus.v1.Failure", "the detail");
    });
  }

  await test("the_wrong_token_is_refused_in_every_protocol", async () => {
    const wrong = {
      connect: createConnectTransport({ ...options("2", "wrong"), useBinaryFormat: false }),
      grpc: createGrpcTransport(options("2", "wrong")),
      grpcWeb: createGrpcWebTransport(options("1.1", "wrong")),
    };
    for (const [name, transport] of Object.entries(wrong)) {
      const client = createClient(ours, transport);
      for (const ask of [
        () => client.call({ verb: "status" }),
        async () => {
          for await (const _ of client.follow({ task: "x" }));
        },
      ]) {
        let code;
        try {
          await ask();
        } catch (problem) {
          code = ConnectError.from(problem).code;
        }
        equal(code, Code.Unauthenticated, name);
      }
    }
  });

  await test("run_of_animus_v1_steers_and_cancels", async () => {
    const client = createClient(ours, both.connect_protobuf);
    const requests = outbox({ action: { case: "start", value: { prompt: "Say something" } } });
    const events = [];
    for await (const said of client.run(requests)) {
      events.push(toJson(event, said));
      if (events.at(-1).update.type === "message" && events.filter((each) => each.update.type === "message").length === 1) {
        requests.push({ action: { case: "steer", value: { text: "and be brief" } } });
        requests.push({ action: { case: "cancel", value: {} } });
      }
    }
    requests.close();
    equal(events.map((each) => each.seq), events.map((_, at) => at), "numbers");
    equal(events.at(-1).update.reason, "cancelled", "the end");
  });
}

/** What needs no stream of the client's: any protocol over any HTTP. */
async function reads(client, door, event) {
  const started = await client.call({ verb: "task/start", params: { prompt: "Say something" } });
  const watched = client.watch({})[Symbol.asyncIterator]();
  const seen = watched.next();
  const events = [];
  for await (const said of client.follow({ task: started.result.task })) events.push(toJson(event, said));
  equal(events.at(-1).update.type, "finished", "the last event");
  const { value } = await seen;
  equal(value.task, started.result.task, "what was watched");
  await watched.return?.();
  const answer = await fetch(`${door.base}/agent/events?task=${started.result.task}`, {
    headers: { authorization: `Bearer ${door.token}` },
  });
  const lines = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
  equal(events, lines, "the same values as NDJSON");
  const rest = [];
  for await (const said of client.follow({ task: started.result.task, after: 2 })) rest.push(toJson(event, said));
  equal(rest, lines.slice(3), "the events behind 2");
  let code;
  try {
    await client.call({ verb: "task/get", params: { task: "nobody" } });
  } catch (problem) {
    code = ConnectError.from(problem).code;
  }
  equal(code, Code.NotFound, "an unknown task");
}
