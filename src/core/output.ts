import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from "node:fs";
import { promisify } from "node:util";
import type { ByteSource } from "./byte-source.ts";
import { isZero } from "./checksums.ts";
import type { Context } from "./context.ts";
import { CloudimgError, errnoOf, fail } from "./errors.ts";
import { removeLeftovers, temporaryPath } from "./leftovers.ts";
import { readWindows } from "./windows.ts";

const writeAsync = promisify(write);

export interface OutputOptions {
  /** Waits until the disk has the bytes before the file gets its name. For what must survive a power failure. */
  readonly durable?: boolean;
}

/**
 * Writes one file so that its name never shows half of it: the work fills a temporary file beside it, which takes the name at the end. If the
 * work throws, or the run is interrupted, the temporary file is removed and what had the name before stays.
 *
 * Errors: `host/no-space`, `host/not-writable`.
 */
export async function writeOutput<T>(
  path: string,
  context: Pick<Context, "signal">,
  work: (fd: number) => Promise<T> | T,
  options: OutputOptions = {},
): Promise<T> {
  return await writeOutputs([path], context, ([fd]) => work(fd as number), options);
}

/** As `writeOutput`, for files that belong together: all take their names when all are written, or none does. */
export async function writeOutputs<T>(
  paths: readonly string[],
  context: Pick<Context, "signal">,
  work: (fds: readonly number[]) => Promise<T> | T,
  options: OutputOptions = {},
): Promise<T> {
  const outputs: Output[] = [];
  try {
    for (const path of paths) outputs.push(open(path));
    const result = await work(outputs.map((output) => output.fd));
    context.signal.throwIfAborted();
    for (const output of outputs) {
      if (options.durable === true) fsyncSync(output.fd);
      close(output);
    }
    for (const output of outputs) take(output);
    return result;
  } catch (error) {
    throw explainFull(error, paths);
  } finally {
    for (const output of outputs) {
      close(output);
      rmSync(output.temporary, { force: true });
    }
  }
}

export interface EmitOptions {
  readonly signal: AbortSignal;
  readonly progress?: (doneBytes: number, totalBytes: number) => void;
  /** Where in the file the source starts. Default 0. */
  readonly atBytes?: number;
}

/** Copies a source into an empty file in one pass, zeros as holes, and gives the file its full size. */
export async function emitSource(source: ByteSource, fd: number, options: EmitOptions): Promise<void> {
  const { signal, progress, atBytes = 0 } = options;
  ftruncateSync(fd, atBytes + source.sizeBytes);
  await readWindows(source, {
    windowBytes: 1024 * 1024,
    signal,
    progress,
    use(window) {
      if (window.type === "data") return writeSparse(fd, window.bytes, atBytes + window.offsetBytes);
    },
  });
}

/** Writes bytes at a place of a file that reads as zero there, leaving out blocks of zeros. Other threads write: this one can hash meanwhile. */
export async function writeSparse(fd: number, bytes: Uint8Array, atBytes: number): Promise<void> {
  const blockBytes = 4096;
  const writes: Promise<void>[] = [];
  let from = 0;
  const writeUpTo = (to: number) => {
    if (to > from) writes.push(writeLater(fd, bytes.subarray(from, to), atBytes + from));
  };
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (!isZero(bytes.subarray(at, at + blockBytes))) continue;
    writeUpTo(at);
    from = at + blockBytes;
  }
  writeUpTo(bytes.length);
  await Promise.all(writes);
}

async function writeLater(fd: number, bytes: Uint8Array, atBytes: number): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await writeAsync(fd, bytes, done, bytes.length - done, atBytes + done)).bytesWritten;
}

/** Writes all of the bytes: the system may take fewer than it is given. */
export function writeAt(fd: number, bytes: Uint8Array, atBytes: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, atBytes + done);
}

interface Output {
  readonly path: string;
  readonly temporary: string;
  readonly fd: number;
  closed: boolean;
}

function open(asked: string): Output {
  const path = targetOf(asked);
  const temporary = temporaryPath(path, randomBytes(4).toString("hex"));
  removeLeftovers(path);
  try {
    return { path, temporary, fd: openSync(temporary, "wx", 0o644), closed: false };
  } catch (error) {
    throw explainUnwritable(error, asked);
  }
}

/** Follows a symbolic link at the output's place, and refuses what a rename would destroy: a directory, a device. */
function targetOf(path: string): string {
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(path);
  } catch {
    return path;
  }
  if (stat.isDirectory())
    fail("host/not-writable", `cannot write ${path}: it is a directory`, { hint: "name a file in it" });
  if (!stat.isFile())
    fail("host/not-writable", `cannot write ${path}: it is not a regular file`, {
      hint: "write to a regular file first, then copy it to the device",
    });
  return realpathSync(path);
}

function close(output: Output): void {
  if (output.closed) return;
  output.closed = true;
  closeSync(output.fd);
}

function take(output: Output): void {
  try {
    renameSync(output.temporary, output.path);
  } catch (error) {
    throw explainUnwritable(error, output.path);
  }
}

const unwritable: Record<string, [reason: string, hint: string]> = {
  ENOENT: ["its directory does not exist", "create the directory, or write to another one"],
  ENOTDIR: ["its directory is not a directory", "write to another directory"],
  EACCES: ["you may not write to its directory", "write to a directory of your own"],
  EPERM: ["you may not write to its directory", "write to a directory of your own"],
  EROFS: ["its file system is read-only", "write to another directory"],
  ENAMETOOLONG: ["its name is too long", "choose a shorter name"],
};

function explainUnwritable(error: unknown, path: string): unknown {
  const [reason, hint] = unwritable[errnoOf(error) ?? ""] ?? [];
  if (reason === undefined || hint === undefined) return error;
  return new CloudimgError(
    { code: "host/not-writable", message: `cannot write ${path}: ${reason}`, hint },
    { cause: error },
  );
}

const full: Record<string, [reason: string, hint: string]> = {
  ENOSPC: ["no space is left", "free some space, or write to another disk"],
  EDQUOT: ["your disk quota is used up", "free some space, or write to another disk"],
  EFBIG: [
    "the file is larger than its file system or the limit of this process (ulimit -f) allows",
    "write to another file system, or raise the limit",
  ],
};

function explainFull(error: unknown, paths: readonly string[]): unknown {
  const [reason, hint] = full[errnoOf(error) ?? ""] ?? [];
  if (reason === undefined || hint === undefined) return error;
  const message = `cannot write ${paths.join(", ")}: ${reason}`;
  return new CloudimgError({ code: "host/no-space", message, hint }, { cause: error });
}
