import { createReadStream } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { createInterface } from "node:readline";
import { errnoOf, fail } from "../core/errors.ts";
import { parseSoakLine, type SoakHeader, type SoakLine } from "./soak-record.ts";
import { addLine, newSummary, type SoakSummary } from "./soak-summary.ts";

/** The file of a soak: lines of JSON that are only ever added to, so that a crash costs the last one at most. */
export interface SoakFile {
  readonly summary: SoakSummary;
  /** Lines that could not be read: cut off by a crash or a full disk. */
  readonly unreadable: number;
  /** Adds a line to the file, not to the summary. It is on the disk when this returns. Errors: `host/no-space`, `host/io`. */
  append(line: SoakLine): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the file to go on with what is in it, or makes it.
 *
 * @param restart what is there is kept as `PATH.before`, and another begins
 *
 * Errors: `usage/arguments` if it is that of another target, or no soak's at all; `host/not-writable`.
 */
export async function openSoakFile(
  path: string,
  target: readonly string[],
  { restart }: { readonly restart: boolean },
): Promise<SoakFile> {
  if (restart) await rename(path, `${path}.before`).catch(ignoreMissing);
  const handle = await open(path, "a+", 0o600).catch((error: unknown) =>
    fail("host/not-writable", `cannot write ${path}: ${errnoOf(error)}`, {
      hint: "name another file with --state",
      cause: error,
    }),
  );
  try {
    // A device may never end.
    if (!(await handle.stat()).isFile())
      fail("host/not-writable", `cannot write ${path}: it is not a regular file`, {
        hint: "name another file with --state",
      });
    const { summary, unreadable } = await readSoak(path, target);
    const file = { summary, unreadable, ...appending(handle, path, await hasWholeLines(handle)) };
    if ((await handle.stat()).size === 0) await file.append({ soak: 1, target });
    return file;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function appending(handle: FileHandle, path: string, isWhole: boolean): Pick<SoakFile, "append" | "close"> {
  let isTorn = !isWhole;
  return {
    async append(line) {
      const text = `${isTorn ? "\n" : ""}${JSON.stringify(line)}\n`;
      try {
        isTorn = true;
        await handle.appendFile(text);
        isTorn = false;
        await handle.datasync();
      } catch (error) {
        const errno = errnoOf(error) ?? String(error);
        const isFull = errno === "ENOSPC" || errno === "EDQUOT";
        const reason = isFull ? "no space is left" : errno;
        fail(isFull ? "host/no-space" : "host/io", `cannot write ${path}: ${reason}`, { cause: error });
      }
    },
    close: () => handle.close(),
  };
}

async function readSoak(path: string, target: readonly string[]): Promise<Pick<SoakFile, "summary" | "unreadable">> {
  const summary = newSummary();
  let unreadable = 0;
  let number = 0;
  const input = createReadStream(path);
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (text === "") continue;
      const line = parseSoakLine(text);
      if (number === 1) checkHeader(line, text, path, target);
      if (line === undefined) unreadable++;
      else addLine(summary, line);
    }
  } finally {
    input.destroy();
  }
  return { summary, unreadable };
}

function checkHeader(line: SoakLine | undefined, text: string, path: string, target: readonly string[]): void {
  const header = line !== undefined && "soak" in line ? line : undefined;
  // Cut off in its very first line, by a crash at the very beginning.
  if (header === undefined && JSON.stringify({ soak: 1, target } satisfies SoakHeader).startsWith(text)) return;
  if (header === undefined)
    fail("usage/arguments", `cannot go on with ${path}: it is not the file of a soak`, {
      hint: "name another file with --state",
    });
  if (JSON.stringify(header.target) !== JSON.stringify(target))
    fail("usage/arguments", `cannot go on with ${path}: it is that of another target, ${header.target.join(" ")}`, {
      hint: "name another file with --state, or begin anew with --restart",
    });
}

async function hasWholeLines(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return true;
  const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: size - 1 });
  return buffer[0] === 0x0a;
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== "ENOENT") throw error;
}
