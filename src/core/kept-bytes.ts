import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { cacheHint } from "./cache.ts";
import { canonicalDigest } from "./canonical-json.ts";
import type { Context } from "./context.ts";
import { errnoOf } from "./errors.ts";
import { temporaryPath } from "./leftovers.ts";
import { makeDirectory } from "./make-directory.ts";

const checkBytes = 4;

/** Bytes that take long to make, kept for later runs by all that they are made of. */
export interface KeptBytes {
  /**
   * @param what one word: the name of a directory in the cache
   * @param inputs all that decides the bytes, as JSON holds it: digests of contents, options, a number that changes with the code that makes them
   */
  get(what: string, inputs: unknown): Uint8Array | undefined;
  put(what: string, inputs: unknown, bytes: Uint8Array, options?: { readonly mode: number }): void;
}

/**
 * Keeps bytes in the user's cache. The last four bytes of each file are a CRC-32: one that went bad is made again. A cache that cannot be written is no reason to fail here:
 * what is kept can be made again.
 */
export function keptBytes({ directories }: Pick<Context, "directories">): KeptBytes {
  const pathOf = (what: string, inputs: unknown) => {
    const digest = canonicalDigest(inputs);
    return join(directories.cache, "kept", what, digest.slice(0, 2), digest);
  };
  return {
    get: (what, inputs) => read(pathOf(what, inputs)),
    put: (what, inputs, bytes, options) => write(pathOf(what, inputs), bytes, options),
  };
}

function read(path: string): Uint8Array | undefined {
  let whole: Buffer;
  try {
    whole = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
  const bytes = whole.subarray(0, Math.max(0, whole.length - checkBytes));
  if (whole.length >= checkBytes && whole.readUInt32LE(bytes.length) === crc32(bytes)) return bytes;
  rmSync(path, { force: true });
  return undefined;
}

function write(path: string, bytes: Uint8Array, options: { readonly mode?: number } = {}): void {
  const check = Buffer.alloc(checkBytes);
  check.writeUInt32LE(crc32(bytes));
  makeDirectory(dirname(path), { hint: cacheHint });
  const temporary = temporaryPath(path, randomBytes(4).toString("hex"));
  try {
    writeFileSync(temporary, Buffer.concat([bytes, check]), options);
    renameSync(temporary, path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    rmSync(temporary, { force: true });
  }
}
