import { openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { emptySource, fileSource } from "../../core/byte-source.ts";
import { readIfThere, writeCached } from "../../core/cache.ts";
import type { Context } from "../../core/context.ts";
import { errnoOf } from "../../core/errors.ts";
import type { ContentAt } from "./tar.ts";

/**
 * The file archives of packages, decompressed: decoding xz takes longer than all the rest of unpacking. The entry's name is the SHA-256 of the .deb that it
 * came from. Its last four bytes are the CRC-32 of what is before them: that finds a file that went bad; whoever can forge one could as well forge a digest beside it.
 */
const checkBytes = 4;
const inMemoryBytes = 4 * 1024 * 1024;

function pathOf(context: Pick<Context, "directories">, sha256: string): string {
  return join(context.directories.cache, "unpacked", sha256.slice(0, 2), `${sha256}.tar`);
}

/** Undefined if it is not there, or damaged: then it is removed. */
export async function readUnpacked(context: Context, sha256: string): Promise<Buffer | undefined> {
  const path = pathOf(context, sha256);
  const bytes = await readIfThere(path, context.signal);
  if (bytes === undefined) return undefined;
  const tar = bytes.subarray(0, Math.max(0, bytes.length - checkBytes));
  if (bytes.length >= checkBytes && bytes.readUInt32LE(tar.length) === crc32(tar)) return tar;
  await rm(path, { force: true });
  return undefined;
}

export async function keepUnpacked(context: Context, sha256: string, tar: Buffer): Promise<void> {
  const check = Buffer.alloc(checkBytes);
  check.writeUInt32LE(crc32(tar));
  await writeCached(pathOf(context, sha256), context, [tar, check]);
}

/**
 * Where to read the contents of a kept archive from, if it is so large that it should not stay in memory. The file stays open until the process ends, so nobody can take
 * it away meanwhile.
 */
export function contentsOfUnpacked(context: Context, sha256: string, tar: Buffer): ContentAt | undefined {
  if (tar.length <= inMemoryBytes) return undefined;
  let fd: number;
  try {
    fd = openSync(pathOf(context, sha256), "r");
  } catch (error) {
    // Somebody emptied the cache just now: then it stays in memory.
    if (errnoOf(error) !== undefined) return undefined;
    throw error;
  }
  return (startBytes, lengthBytes) => (lengthBytes === 0 ? emptySource : fileSource(fd, startBytes, lengthBytes));
}
