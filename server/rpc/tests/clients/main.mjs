// The network door with real clients. Usage: main.mjs BASE_URL TOKEN PROTO_DIR BROWSER
import { finish } from "./check.mjs";
import { browser } from "./browser.mjs";
import { connect } from "./connect.mjs";
import { curl } from "./curl.mjs";
import { grpc } from "./grpc.mjs";

const [base, token, protos, chromium] = process.argv.slice(2);
const door = {
  base,
  token,
  protos,
  /** One verb over plain HTTP. */
  async verb(verb, params) {
    const answer = await fetch(`${base}/agent/verb/${verb}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(params ?? {}),
    });
    if (!answer.ok) throw new Error(`${verb}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  },
  /** How a task ended, or undefined. */
  async ending(task) {
    return (await this.verb("task/get", { task })).finished;
  },
  /** The newest task of a session. */
  async taskOf(session) {
    const { tasks } = await this.verb("task/list");
    return tasks.findLast((task) => task.session === session)?.id;
  },
};

await connect(door);
await grpc(door);
await curl(door);
await browser(door, chromium);
finish();
