import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { writeCached } from "./cache.ts";
import { canonicalDigest } from "./canonical-json.ts";
import type { Context } from "./context.ts";
import { errnoOf } from "./errors.ts";

const checkBytes = 4;

/** Bytes that take long to make, by all that they are made of. */
export interface KeptBytes {
  /**
   * @param what one word: the name of a directory in the cache
   * @param inputs all that decides the bytes, as JSON holds it: digests of contents, options, a number that changes with the code that makes them
   */
  get(what: string, inputs: unknown): Uint8Array | undefined;
  /** Keeps them for later runs. Errors: those of `writeCached`. */
  put(what: string, inputs: unknown, bytes: Uint8Array): Promise<void>;
}

/** Keeps bytes in the user's cache. The last four bytes of each file are a CRC-32: one that went bad is made again. */
export function keptBytes(context: Pick<Context, "directories" | "signal">): KeptBytes {
  const pathOf = (what: string, inputs: unknown) => {
    const digest = canonicalDigest(inputs);
    return join(context.directories.cache, "kept", what, digest.slice(0, 2), digest);
  };
  return {
    get(what, inputs) {
      const path = pathOf(what, inputs);
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
    },
    async put(what, inputs, bytes) {
      const check = Buffer.alloc(checkBytes);
      check.writeUInt32LE(crc32(bytes));
      await writeCached(pathOf(what, inputs), context, [bytes, check]);
    },
  };
}
