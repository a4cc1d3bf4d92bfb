// What every suite is written in: `test NAME ... ok` or `... FAILED: why` a line, and waiting.

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// How much longer than on an idle machine anything may take: these tests ask whether it happens, and a full machine is slow.
const PATIENCE = 6;

// `ms` is what an idle machine needs at most.
export async function wait(what: string | (() => string), ms: number, condition: () => unknown): Promise<void> {
  const end = Date.now() + ms * PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`timed out waiting for ${typeof what === "string" ? what : what()}`);
    await sleep(20);
  }
}

let failures = 0;

export const test = (session: string) => async (name: string, run: () => Promise<void>): Promise<void> => {
  try {
    await run();
    console.log(`test ${session}::${name} ... ok`);
  } catch (problem) {
    failures += 1;
    console.log(`test ${session}::${name} ... FAILED: ${problem instanceof Error ? problem.stack : String(problem)}`);
  }
};

export function finish(): void {
  if (failures > 0) throw new Error(`${failures} failed`);
}
