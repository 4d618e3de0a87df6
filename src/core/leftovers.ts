import { readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { processIdentity } from "./process-identity.ts";

/** Another machine may be writing to the same directory, under a process id that means nothing here. */
const untouchedMs = 60_000;

/** `.NAME.PID-RANDOM.tmp`: where a file is written until it is whole. */
export function temporaryPath(path: string, random: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${random}.tmp`);
}

/** Removes what killed runs have left of a file: temporaries of processes that are gone. Never fails: it is a courtesy. */
export function removeLeftovers(path: string): void {
  const start = `.${basename(path)}.`;
  try {
    for (const name of readdirSync(dirname(path))) {
      const pid = name.startsWith(start) ? /^(\d+)-[0-9a-f]+\.tmp$/.exec(name.slice(start.length))?.[1] : undefined;
      if (pid === undefined || processIdentity(Number(pid)) !== undefined) continue;
      const left = join(dirname(path), name);
      if (Date.now() - statSync(left).mtimeMs > untouchedMs) rmSync(left, { force: true });
    }
  } catch {
    // Whatever is wrong with the directory, writing to it will say so.
  }
}
