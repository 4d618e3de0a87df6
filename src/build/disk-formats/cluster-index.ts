import { crc32 } from "node:zlib";
import { ascii, bytes, struct, u32, u64 } from "../../core/struct.ts";

/** What the clusters of an image were compressed to when it was last built: a file of our own, with no meaning to anybody else. */
const indexStruct = struct("cluster index", 64, "little", {
  magic: ascii(0, 8),
  /** How they were compressed: what another way gives is of no use. */
  method: ascii(8, 40, " "),
  clusterBytes: u32(48),
  entries: u32(52),
  /** CRC-32 of the entries. */
  checksum: u32(56),
});

/** Entries are in the order of their digests. */
export const indexEntryStruct = struct("cluster index entry", 48, "little", {
  /** SHA-256 of the cluster. */
  digest: bytes(0, 32),
  /** Of the compressed bytes in the file of data. A whole cluster's length says that they are not there: it does not become smaller. */
  offsetBytes: u64(32),
  lengthBytes: u32(40),
  /** CRC-32 of the compressed bytes. */
  checksum: u32(44),
});

const magic = "clusters";

export interface IndexKind {
  readonly method: string;
  readonly clusterBytes: number;
}

/** The entries, not yet in order, as the content of a file. */
export function encodeIndex(kind: IndexKind, entries: readonly Uint8Array[]): Uint8Array {
  const sorted = entries.toSorted(Buffer.compare);
  const file = Buffer.concat([new Uint8Array(indexStruct.size), ...sorted]);
  const checksum = crc32(file.subarray(indexStruct.size));
  indexStruct.encodeInto(file, 0, { ...kind, magic, entries: entries.length, checksum });
  return file;
}

/** The entries of an index of that kind, in memory that threads share; undefined for any other file, and for one that is damaged. */
export function decodeIndex(kind: IndexKind, file: Uint8Array): Uint8Array | undefined {
  if (file.length < indexStruct.size) return undefined;
  const head = indexStruct.decode(file);
  const entries = file.subarray(indexStruct.size);
  const isThisKind = head.magic === magic && head.method === kind.method && head.clusterBytes === kind.clusterBytes;
  if (!isThisKind || entries.length !== head.entries * indexEntryStruct.size || crc32(entries) !== head.checksum)
    return undefined;
  const shared = new Uint8Array(new SharedArrayBuffer(entries.length));
  shared.set(entries);
  return shared;
}

/** Where the entry of a digest starts, or undefined. */
export function findEntry(entries: Uint8Array, digest: Uint8Array): number | undefined {
  let low = 0;
  let high = entries.length / indexEntryStruct.size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = middle * indexEntryStruct.size;
    const order = Buffer.compare(entries.subarray(at, at + digest.length), digest);
    if (order === 0) return at;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
