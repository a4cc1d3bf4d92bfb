// gRPC by @grpc/grpc-js with the shipped .proto files: run, stream, cancel, hang up, wrong token.
import { join } from "node:path";
import grpcJs from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { equal, holds, test, until } from "./check.mjs";

export async function grpc(door) {
  const files = ["connect/agent/v1/agent.proto", "animus/v1/agent.proto"];
  const loaded = protoLoader.loadSync(files, { keepCase: true, defaults: true, oneofs: true, includeDirs: [door.protos] });
  const { connect } = grpcJs.loadPackageDefinition(loaded);
  const address = new URL(door.base).host;
  const client = new connect.agent.v1.AgentService(address, grpcJs.credentials.createInsecure());
  const metadata = (token) => {
    const metadata = new grpcJs.Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    return metadata;
  };
  const run = (session, hear, token = door.token) =>
    new Promise((done) => {
      const events = [];
      const call = client.runTask(metadata(token));
      let status;
      call.on("data", (event) => {
        events.push(event);
        hear?.(event, call);
      });
      call.on("error", (problem) => done({ events, code: problem.code }));
      call.on("status", (each) => (status = each.code));
      call.on("end", () => setTimeout(() => done({ events, code: status }), 50));
      call.write({ run: { session_id: session, prompt: "Say something" } });
    });

  await test("grpc_js_runs_and_streams_a_task", async () => {
    const { events, code } = await run("g-run");
    equal(code, grpcJs.status.OK, "status");
    equal([events.at(-1).type, events.at(-1).finish_reason], ["done", "no_change"], "the end");
    holds(events.filter((event) => event.type === "token").length > 3, "tokens");
    holds(events.every((event) => event.correlation_id === "g-run-corr"), "the name that was made up");
  });
  await test("grpc_js_cancels_by_a_message", async () => {
    let said = false;
    const { events } = await run("g-cancel", (event, call) => {
      if (event.type === "token" && !said) {
        said = true;
        call.write({ cancel: true, session_id: "g-cancel" });
      }
    });
    equal(events.at(-1).finish_reason, "cancelled", "the end");
  });
  await test("grpc_js_hangs_up_and_the_task_is_cancelled", async () => {
    const { code } = await run("g-hang-up", (event, call) => {
      if (event.type === "token") call.cancel();
    });
    equal(code, grpcJs.status.CANCELLED, "the client's own view");
    const task = await door.taskOf("g-hang-up");
    await until("the server cancels", async () => (await door.ending(task)) === "cancelled");
  });
  await test("grpc_js_with_the_wrong_token_is_refused", async () => {
    const { code } = await run("g-wrong", undefined, "wrong");
    equal(code, grpcJs.status.UNAUTHENTICATED, "status");
    equal(await door.taskOf("g-wrong"), undefined, "a task");
  });
  client.close();
}
