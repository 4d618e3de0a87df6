import { hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { cacheHint } from "../../core/cache.ts";
import type { Context } from "../../core/context.ts";
import { errnoOf } from "../../core/errors.ts";
import { temporaryPath } from "../../core/leftovers.ts";
import { makeDirectory } from "../../core/make-directory.ts";
import { Appender } from "./appender.ts";
import { decodeIndex, encodeIndex, findEntry, type IndexKind, indexEntryStruct } from "./cluster-index.ts";
import type { KnownClusters } from "./cluster-lookup.ts";

/** Of an image with more clusters the rest is not kept: the index is in memory. */
const mostEntries = 2 ** 18;
/** What no entry needs any more may take as much as what they do, and this. */
const looseBytes = 4 * 1024 ** 2;

/** The clusters of an image's last build, and those of this one for the next. */
export interface ClusterCache {
  readonly known: KnownClusters | undefined;
  /** A cluster of the image: what it was compressed to, or its whole length and anything if it does not become smaller. `isKnown`: it was found here. */
  add(digest: Uint8Array, compressed: Uint8Array, isKnown: boolean): void;
  /** Makes what was added the cache of the next build. */
  keep(): void;
  /** Always called last. */
  close(): void;
}

/** Where the compressed clusters of an image file are kept: by the file's place, so that each build of it finds those of the one before. */
export function clusterCachePath(context: Pick<Context, "directories">, imagePath: string): string {
  return join(context.directories.cache, "clusters", hash("sha256", resolve(imagePath)).slice(0, 32));
}

/**
 * Opens the cache of an image: `path.index` and `path.data`. What is damaged, of another kind or cannot be used is as if it were not there: a cache makes
 * builds faster, never fail.
 */
export function openClusterCache(path: string, kind: IndexKind): ClusterCache | undefined {
  try {
    return open(path, kind);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

function open(path: string, kind: IndexKind): ClusterCache {
  const [indexPath, dataPath] = [`${path}.index`, `${path}.data`];
  makeDirectory(dirname(path), { hint: cacheHint });
  const old = readIndex(indexPath, dataPath, kind);
  // New clusters go behind the old ones, until too much of the file is of no use: then into a new one.
  const target = old?.isTidy ? dataPath : temporaryPath(dataPath, "new");
  const fd = openSync(target, old?.isTidy ? "r+" : "w", 0o600);
  const data = new Appender(fd, old?.isTidy ? fstatSync(fd).size : 0);
  const entries = new Map<string, Uint8Array>();
  let hasFailed = false;
  let isKept = false;

  function entryOf(digest: Uint8Array, compressed: Uint8Array, isKnown: boolean): Uint8Array {
    if (isKnown && old?.isTidy) {
      const at = findEntry(old.entries, digest);
      if (at !== undefined) return old.entries.slice(at, at + indexEntryStruct.size);
    }
    const offsetBytes = data.positionBytes;
    const lengthBytes = compressed.length;
    if (lengthBytes === kind.clusterBytes) return indexEntryStruct.encode({ digest, lengthBytes });
    data.append(compressed);
    return indexEntryStruct.encode({ digest, offsetBytes, lengthBytes, checksum: crc32(compressed) });
  }

  /** A disk without room, for one: the image is what counts. */
  function tolerate(work: () => void): void {
    try {
      if (!hasFailed) work();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      hasFailed = true;
    }
  }

  return {
    known: old && { entries: old.entries, dataPath },
    add(digest, compressed, isKnown) {
      const key = Buffer.from(digest.buffer, digest.byteOffset, digest.length).toString("latin1");
      if (entries.size >= mostEntries || entries.has(key)) return;
      tolerate(() => entries.set(key, entryOf(digest, compressed, isKnown)));
    },
    keep() {
      tolerate(() => {
        data.flush();
        const temporary = temporaryPath(indexPath, "new");
        writeFileSync(temporary, encodeIndex(kind, [...entries.values()]), { mode: 0o600 });
        if (target !== dataPath) renameSync(target, dataPath);
        renameSync(temporary, indexPath);
        isKept = true;
      });
    },
    close() {
      closeSync(fd);
      if (!isKept && target !== dataPath) rmSync(target, { force: true });
    },
  };
}

function readIndex(indexPath: string, dataPath: string, kind: IndexKind) {
  try {
    const entries = decodeIndex(kind, readFileSync(indexPath));
    if (entries === undefined) return undefined;
    const fd = openSync(dataPath, "r");
    const dataBytes = fstatSync(fd).size;
    closeSync(fd);
    let usedBytes = 0;
    for (let at = 0; at < entries.length; at += indexEntryStruct.size) {
      const { lengthBytes } = indexEntryStruct.decode(entries, at);
      if (lengthBytes < kind.clusterBytes) usedBytes += lengthBytes;
    }
    return { entries, isTidy: dataBytes <= 2 * usedBytes + looseBytes };
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
