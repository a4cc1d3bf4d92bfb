// Which processes of the server there are.
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

// Pids whose parent is `parent`.
export function children(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return Number(/^\d+ \(.*\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]) === parent;
      } catch {
        return false; // it ended meanwhile
      }
    });
}

export function serverPid(): number {
  const binary = process.env.ANIMUS_BIN ?? "";
  const pid = children(process.pid).find((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes(binary));
  assert.ok(pid, "the server does not run as a child of the extension host");
  return pid;
}
