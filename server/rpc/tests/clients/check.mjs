// Check: the names and results of tests, printed as `cargo xtask` counts them.
import { isDeepStrictEqual } from "node:util";

let failed = 0;

/** Runs one test; a test that takes longer than a minute has failed. */
export async function test(name, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no end after 60 s")), 60_000);
  });
  try {
    await Promise.race([body(), late]);
    console.log(`test clients::${name} ... ok`);
  } catch (problem) {
    failed += 1;
    const text = String(problem?.stack ?? problem).replaceAll("\n", " | ");
    console.log(`test clients::${name} ... FAILED: ${text}`);
  } finally {
    clearTimeout(timer);
  }
}

export function equal(found, wanted, what) {
  if (!isDeepStrictEqual(found, wanted)) {
    throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}

export function holds(truth, what) {
  if (!truth) throw new Error(what);
}

/** Asks until the answer is true, for at most 50 s. */
export async function until(what, ask) {
  const end = Date.now() + 50_000;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export function finish() {
  process.exit(failed > 0 ? 1 : 0);
}
