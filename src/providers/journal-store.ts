import { closeSync, fsyncSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Context } from "../core/context.ts";
import { CloudimgError, errnoOf, fail } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";
import type { RunRecord } from "./journal-record.ts";

type Places = Pick<Context, "directories">;

/** Where each run has a directory of its own, `ID/run.json` and what goes with it: evidence, the state of an upload, the key of the run. */
export function runsDirectory(context: Places): string {
  return join(context.directories.data, "runs");
}

export function runDirectory(id: string, context: Places): string {
  return join(runsDirectory(context), id);
}

/** Writes a file so that after a power failure it is there in full, or as it was before. */
export type WriteFile = (path: string, text: string) => Promise<void>;

/** Errors: `host/no-space`, `host/not-writable`. Not to be interrupted: what has been done must be written down after a Ctrl-C too. */
export const writeDurably: WriteFile = async (path, text) => {
  makeDirectory(dirname(path), { hint: "name another directory with CLOUDIMG_DATA", mode: 0o700 });
  const bytes = Buffer.from(text);
  const calm = { signal: new AbortController().signal };
  await writeOutput(path, calm, (fd) => writeAt(fd, bytes, 0), { durable: true });
  syncDirectory(dirname(path));
};

/** A rename is on the disk when its directory is. Windows has no such thing. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A run whose record cannot be read is listed nevertheless: it may have left something in a cloud. */
export type ListedRun = RunRecord | { readonly id: string; readonly problem: string };

/** Every run, oldest first. */
export function listRuns(context: Places): ListedRun[] {
  const runs = namesIn(runsDirectory(context)).flatMap((id): ListedRun[] => {
    try {
      const record = readRun(id, context);
      return record === undefined ? [] : [record];
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      return [{ id, problem: error.message }];
    }
  });
  // An id tells the second only.
  const startOf = (run: ListedRun) => ("startedAtMs" in run ? run.startedAtMs : 0);
  return runs.sort((a, b) =>
    secondOf(a) === secondOf(b) ? startOf(a) - startOf(b) : secondOf(a) < secondOf(b) ? -1 : 1,
  );
}

function secondOf({ id }: ListedRun): string {
  return id.slice(0, "20261121-101500".length);
}

/** Errors: `cloud/no-run`, `cloud/bad-journal`. */
export function showRun(id: string, context: Places): RunRecord {
  const record = /^[\w-]+$/.test(id) ? readRun(id, context) : undefined;
  if (record !== undefined) return record;
  const known = listRuns(context).map((run) => run.id);
  fail("cloud/no-run", `cannot find the run ${id}`, {
    hint: known.length === 0 ? "nothing has been published yet" : `the latest are: ${known.slice(-5).join(", ")}`,
  });
}

/** Undefined: no such run. Errors: `cloud/bad-journal`. */
function readRun(id: string, context: Places): RunRecord | undefined {
  const path = join(runDirectory(id, context), "run.json");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    fail("cloud/bad-journal", `cannot read the journal ${path}: ${errnoOf(error)}`, { cause: error });
  }
  const record = parse(text);
  if (typeof record !== "object" || record === null) bad(path, "it is damaged");
  const { version, steps, ledger } = record as Record<string, unknown>;
  if (version !== 1) bad(path, "another version of cloudimg has written it");
  if (typeof steps !== "object" || typeof ledger !== "object" || !steps || !ledger) bad(path, "it is damaged");
  if ((record as RunRecord).id !== id) bad(path, "it is that of another run");
  return record as RunRecord;
}

function bad(path: string, reason: string): never {
  fail("cloud/bad-journal", `cannot read the journal ${path}: ${reason}`, {
    hint: "what the run has made in the cloud carries the tag cloudimg:run: clean up by tags, then remove the directory",
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
