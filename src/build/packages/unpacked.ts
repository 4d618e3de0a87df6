import { closeSync, openSync, readSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { writeCached } from "../../core/cache.ts";
import type { Context } from "../../core/context.ts";
import { errnoOf } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import { treeOfIndex } from "./unpacked-reader.ts";
import { packTree } from "./unpacked-writer.ts";

/** Part of the names in the cache: raise it when what is written, or how a tree is made of an archive, changes. */
const version = 1;
/** `cloudimg` in ASCII, then how long the index is and its CRC-32. */
const magic = Buffer.from("cloudimg");
const headerBytes = 16;

/**
 * Trees of archives, kept beside each other's contents: decompressing takes longer than all the rest of unpacking, and an archive's headers, contents and digests need not be
 * read again to know what is in it. Contents are read when somebody wants them, and checked then.
 *
 * @param kind what the tree was made of, and so how
 * @param sha256 of the archive
 * @param origin of the nodes
 * @param make the tree, if it is not kept or went bad
 */
export async function unpackedTree(
  { kind, sha256, origin }: { readonly kind: "deb" | "tar"; readonly sha256: string; readonly origin: string },
  context: Pick<Context, "directories" | "signal">,
  make: () => Promise<Tree>,
): Promise<Tree> {
  const path = join(context.directories.cache, "unpacked", sha256.slice(0, 2), `${sha256}.${kind}.${version}`);
  const kept = await readTree(path, origin);
  if (kept !== undefined) return kept;
  const tree = await make();
  const { index, contents } = packTree(tree);
  const header = Buffer.concat([magic, Buffer.alloc(headerBytes - magic.length)]);
  header.writeUInt32LE(index.length, magic.length);
  header.writeUInt32LE(crc32(index), magic.length + 4);
  await writeCached(path, context, [header, index, ...contents]);
  // Read again, so that what was unpacked need not stay in memory; if somebody empties the cache just now, it stays.
  return (await readTree(path, origin)) ?? tree;
}

async function readTree(path: string, origin: string): Promise<Tree | undefined> {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
  const header = Buffer.alloc(headerBytes);
  const isWhole = readSync(fd, header, 0, headerBytes, 0) === headerBytes && header.indexOf(magic) === 0;
  const index = Buffer.allocUnsafeSlow(isWhole ? header.readUInt32LE(magic.length) : 0);
  const gotBytes = isWhole ? readSync(fd, index, 0, index.length, headerBytes) : -1;
  if (gotBytes === index.length && crc32(index) === header.readUInt32LE(magic.length + 4)) {
    const tree = treeOfIndex(index, { fd, path, startBytes: headerBytes + index.length, origin });
    // The file stays open until the process ends, so nobody can take the contents away meanwhile.
    if (tree !== undefined) return tree;
  }
  closeSync(fd);
  await rm(path, { force: true });
  return undefined;
}
