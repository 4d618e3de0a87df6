import { fstatSync, readSync, rmSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type ByteSource, emptySource } from "../../core/byte-source.ts";
import { cacheHint } from "../../core/cache.ts";
import { rememberDigest } from "../../core/content-digest.ts";
import { fail } from "../../core/errors.ts";
import { type Node, Tree } from "../../core/tree.ts";
import type { Index, IndexContent, IndexEntry } from "./unpacked-format.ts";

interface Kept {
  readonly fd: number;
  /** For messages, and to remove what went bad. */
  readonly path: string;
  /** Where the contents begin. */
  readonly startBytes: number;
  readonly origin: string;
}

/** Contents up to this size stay in memory once they are read; larger ones are read where they are wanted. */
const inMemoryBytes = 4 * 1024 * 1024;
const windowBytes = 1024 * 1024;

/** The tree that an index tells of. Undefined if the contents are not all there. */
export function treeOfIndex(bytes: Buffer, kept: Kept): Tree | undefined {
  const { contentBytes, entries } = JSON.parse(bytes.toString()) as Index;
  if (fstatSync(kept.fd).size !== kept.startBytes + contentBytes) return undefined;
  const tree = new Tree();
  const nodes: Node[] = [];
  for (const entry of entries) {
    const node = entry.link === undefined ? nodeOf(entry, kept) : (nodes[entry.link] as Node);
    nodes.push(node);
    tree.set(entry.path, node);
  }
  return tree;
}

function nodeOf({ type, mode, mtime, owner, xattrs, target, device, content }: IndexEntry, kept: Kept): Node {
  const attributes = {
    ...{ mode, mtime, uid: owner?.[0] ?? 0, gid: owner?.[1] ?? 0, origin: kept.origin },
    ...(xattrs && { xattrs: new Map(xattrs.map(([name, value]) => [name, Buffer.from(value, "base64")])) }),
  };
  if (type === "file")
    return { ...attributes, type, content: content === undefined ? emptySource : keptContent(content, kept) };
  if (type === "symlink") return { ...attributes, type, target: target ?? "" };
  if (type === "character-device" || type === "block-device")
    return { ...attributes, type, major: device?.[0] ?? 0, minor: device?.[1] ?? 0 };
  return { ...attributes, type };
}

/** Content that is read, and checked, when the first byte of it is wanted. */
function keptContent(content: IndexContent, kept: Kept): ByteSource {
  const { sizeBytes, sha256 } = content;
  const extents = content.extents?.map(([offsetBytes, lengthBytes]) => ({ offsetBytes, lengthBytes })) ?? [
    { offsetBytes: 0, lengthBytes: sizeBytes },
  ];
  let data: Data | undefined;
  const source: ByteSource = {
    sizeBytes,
    extents,
    read(target, offsetBytes) {
      data ??= checkedData(content, extents, kept);
      if (content.extents === undefined) data.read(target, offsetBytes);
      else readSparse(data, extents, target, offsetBytes);
    },
  };
  rememberDigest(source, sha256);
  return source;
}

/** The data of all extents, one after the other. */
interface Data {
  read(target: Uint8Array, atBytes: number): void;
}

function checkedData(content: IndexContent, extents: ByteSource["extents"], kept: Kept): Data {
  const lengthBytes = extents.reduce((sum, extent) => sum + extent.lengthBytes, 0);
  const start = kept.startBytes + content.atBytes;
  const fromFile: Data = { read: (target, atBytes) => readFully(kept, target, start + atBytes) };
  const isSmall = lengthBytes <= inMemoryBytes;
  const buffer = new Uint8Array(isSmall ? lengthBytes : windowBytes);
  let check = 0;
  for (let at = 0; at < lengthBytes; at += buffer.length) {
    const window = buffer.subarray(0, Math.min(buffer.length, lengthBytes - at));
    fromFile.read(window, at);
    check = crc32(window, check);
  }
  if (check !== content.crc32) failDamaged(kept);
  return isSmall
    ? { read: (target, atBytes) => target.set(buffer.subarray(atBytes, atBytes + target.length)) }
    : fromFile;
}

function readFully(kept: Kept, target: Uint8Array, atBytes: number): void {
  for (let done = 0; done < target.length; ) {
    const got = readSync(kept.fd, target, done, target.length - done, atBytes + done);
    if (got === 0) failDamaged(kept);
    done += got;
  }
}

function failDamaged({ path }: Kept): never {
  rmSync(path, { force: true });
  fail("host/io", `cannot read ${path}: it was damaged in the cache`, {
    hint: `run it again: the damaged file is removed; if that does not help, ${cacheHint}`,
  });
}

function readSparse(data: Data, extents: ByteSource["extents"], target: Uint8Array, offsetBytes: number): void {
  target.fill(0);
  const endBytes = offsetBytes + target.length;
  let atBytes = 0;
  for (const extent of extents) {
    const from = Math.max(extent.offsetBytes, offsetBytes);
    const to = Math.min(extent.offsetBytes + extent.lengthBytes, endBytes);
    if (from < to)
      data.read(target.subarray(from - offsetBytes, to - offsetBytes), atBytes + from - extent.offsetBytes);
    atBytes += extent.lengthBytes;
  }
}
