import { hash } from "node:crypto";
import { write } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Context } from "./context.ts";
import { errnoOf, fail } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { writeOutput } from "./output.ts";

const writePiece = promisify(write);

type CacheContext = Pick<Context, "directories" | "signal">;

/** Where content of this SHA-256 is kept: `downloads/sha256/ab/abcdef…` in the cache. */
export function contentPath(context: Pick<Context, "directories">, sha256: string): string {
  return join(context.directories.cache, "downloads", "sha256", sha256.slice(0, 2), sha256);
}

/** Reads content from the cache. What is not there, or is no longer what it should be, is undefined: fetch it again. */
export async function readContent(context: CacheContext, sha256: string): Promise<Buffer | undefined> {
  const path = contentPath(context, sha256);
  const bytes = await readIfThere(path, context.signal);
  if (bytes === undefined || hash("sha256", bytes) === sha256) return bytes;
  await rm(path, { force: true });
  return undefined;
}

/** Keeps content under its SHA-256, which the caller has checked. Two runs may do so at once. */
export async function keepContent(context: CacheContext, sha256: string, bytes: Uint8Array): Promise<void> {
  await writeCached(contentPath(context, sha256), context, [bytes]);
}

/** Writes a file of the cache atomically, with the directories that lead to it. */
export async function writeCached(path: string, context: CacheContext, pieces: readonly Uint8Array[]): Promise<void> {
  makeDirectory(dirname(path), { hint: cacheHint });
  await writeOutput(path, context, async (fd) => {
    let atBytes = 0;
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        context.signal.throwIfAborted();
        const { bytesWritten } = await writePiece(fd, piece, done, piece.length - done, atBytes + done);
        done += bytesWritten;
      }
      atBytes += piece.length;
    }
  });
}

export async function readIfThere(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await readFile(path, { signal });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    signal.throwIfAborted();
    if (errnoOf(error) === undefined) throw error;
    fail("host/io", `cannot read ${path}: ${(error as Error).message}`, { hint: cacheHint, cause: error });
  }
}

/** What to do about a cache that cannot be used. */
export const cacheHint = "remove the cache directory, or name another one in CLOUDIMG_CACHE";
