import { type ByteSource, bytesSource } from "../../core/byte-source.ts";
import { decodeName } from "../../core/names.ts";
import type { Node } from "../../core/tree.ts";
import { addSparseRecord, readOldMap, type SparseRecords, sparseContent, sparseContentOf } from "./tar-sparse.ts";

/** An entry of a tar archive: a node at a path, or a further name of an earlier one. */
export type TarEntry =
  | { readonly path: string; readonly node: Node }
  | { readonly path: string; readonly linkTo: string };

const blockBytes = 512;

/** The content of an entry that lies at some place of the archive. */
export type ContentAt = (startBytes: number, lengthBytes: number) => ByteSource;

/** What pax and GNU headers say about the entry that follows. */
interface Extra {
  path?: string;
  linkPath?: string;
  sizeBytes?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  xattrs?: Map<string, Uint8Array>;
  sparse?: SparseRecords;
}

/**
 * Reads a tar archive in memory: ustar, GNU and pax (tar(5), POSIX 1003.1 pax "Interchange Format"). Contents are windows of `bytes`, not copies, or what `contentAt` gives. Paths are
 * absolute and normal.
 *
 * @throws SyntaxError when it is damaged, cut short, or leads out of its root
 */
export function* readTar(
  bytes: Buffer,
  origin: string,
  contentAt: ContentAt = (startBytes, lengthBytes) => bytesSource(bytes.subarray(startBytes, startBytes + lengthBytes)),
): IterableIterator<TarEntry> {
  const global: Extra = {};
  let extra: Extra = {};
  let at = 0;
  while (at + blockBytes <= bytes.length && bytes[at] !== 0) {
    const header = bytes.subarray(at, at + blockBytes);
    checkHeader(header, at);
    const type = String.fromCharCode(header[156] as number);
    const merged = { ...global, ...extra };
    const sizeBytes = "123456".includes(type) ? 0 : (merged.sizeBytes ?? number(header, 124, 12));
    const old = type === "S" ? readOldMap(bytes, at, number) : undefined;
    const start = old?.endsAt ?? at + blockBytes;
    // Written so that it also refuses what is no number.
    if (!(sizeBytes >= 0 && start + sizeBytes <= bytes.length))
      throw new SyntaxError(`an entry of its tar archive, at byte ${at}, is cut short`);
    const body = bytes.subarray(start, start + sizeBytes);
    at = start + Math.ceil(sizeBytes / blockBytes) * blockBytes;
    if (type === "x") Object.assign(extra, paxRecords(body));
    else if (type === "g") Object.assign(global, paxRecords(body));
    else if (type === "L") extra.path = untilNul(body);
    else if (type === "K") extra.linkPath = untilNul(body);
    else {
      const stored = contentAt(start, sizeBytes);
      const content = old !== undefined ? sparseContent(stored, old.map) : expand(stored, merged.sparse);
      yield entry(header, type, content, merged, origin);
      extra = {};
    }
  }
  // Two zero blocks end an archive; one that ends without any was cut at a boundary.
  if (at >= bytes.length) throw new SyntaxError("its tar archive is cut short");
}

function expand(stored: ByteSource, sparse: SparseRecords | undefined): ByteSource {
  return sparse === undefined ? stored : sparseContentOf(stored, sparse);
}

function entry(header: Buffer, type: string, content: ByteSource, extra: Extra, origin: string): TarEntry {
  const sparseName = extra.sparse?.name;
  const path = normalPath(sparseName === undefined ? (extra.path ?? nameOf(header)) : decodeName(sparseName));
  const linkPath = extra.linkPath ?? untilNul(header.subarray(157, 257));
  const attributes = {
    mode: number(header, 100, 8) & 0o7777,
    uid: checkId(path, extra.uid ?? number(header, 108, 8)),
    gid: checkId(path, extra.gid ?? number(header, 116, 8)),
    mtime: checkTime(path, extra.mtime ?? number(header, 136, 12)),
    origin,
    ...(extra.xattrs && { xattrs: extra.xattrs }),
  };
  const device = () => ({ major: number(header, 329, 8), minor: number(header, 337, 8) });
  switch (type) {
    case "0":
    case "7":
    case "S":
    case "\0":
      // Before POSIX a directory was a file whose name ends with a slash.
      if (type === "\0" && nameOf(header).endsWith("/")) return { path, node: { ...attributes, type: "directory" } };
      return {
        path,
        node: { ...attributes, type: "file", content },
      };
    case "1":
      return { path, linkTo: normalPath(linkPath) };
    case "2":
      return { path, node: { ...attributes, type: "symlink", target: linkPath } };
    case "3":
      return { path, node: { ...attributes, type: "character-device", ...device() } };
    case "4":
      return { path, node: { ...attributes, type: "block-device", ...device() } };
    case "5":
      return { path, node: { ...attributes, type: "directory" } };
    case "6":
      return { path, node: { ...attributes, type: "fifo" } };
    default:
      throw new SyntaxError(`${path} is of a kind (${JSON.stringify(type)}) that no file system holds`);
  }
}

/** 2^32 - 1 means "nobody said" to Linux. */
function checkId(path: string, id: number): number {
  if (!Number.isInteger(id) || id < 0 || id >= 2 ** 32 - 1) throw new SyntaxError(`${path} has the owner ${id}`);
  return id;
}

function checkTime(path: string, mtime: number): number {
  if (!Number.isSafeInteger(mtime)) throw new SyntaxError(`${path} has the time ${mtime}`);
  return mtime;
}

function checkHeader(header: Buffer, at: number): void {
  let sum = 8 * 32;
  for (let index = 0; index < 148; index++) sum += header[index] as number;
  for (let index = 156; index < blockBytes; index++) sum += header[index] as number;
  if (sum !== number(header, 148, 8)) throw new SyntaxError(`its tar archive is damaged at byte ${at}`);
}

function nameOf(header: Buffer): string {
  const name = untilNul(header.subarray(0, 100));
  // Only ustar has a prefix; GNU's magic ("ustar  ") keeps times there.
  const prefix = header.toString("latin1", 257, 263) === "ustar\0" ? untilNul(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Octal digits, or GNU's base 256 when the top bit is set. */
function number(header: Buffer, at: number, size: number): number {
  const first = header[at] as number;
  if (first & 0x80) {
    let value = first & 0x40 ? first - 0x100 : first & 0x3f;
    for (let index = at + 1; index < at + size; index++) value = value * 256 + (header[index] as number);
    return value;
  }
  let value = 0;
  for (let index = at; index < at + size; index++) {
    const digit = (header[index] as number) - 48;
    if (digit >= 0 && digit < 8) value = value * 8 + digit;
    else if (value !== 0 || digit !== 32 - 48) break;
  }
  return value;
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return decodeName(end < 0 ? bytes : bytes.subarray(0, end));
}

function normalPath(name: string): string {
  if (name.includes("\0")) throw new SyntaxError("a name of its tar archive has a NUL");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new SyntaxError(`${name} leads out of the package`);
  return `/${parts.join("/")}`;
}

/** Records of `LENGTH KEY=VALUE\n`; the length counts itself. */
function paxRecords(body: Buffer): Extra {
  const extra: Extra = {};
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(32, at);
    const length = Number(body.toString("latin1", at, space));
    const equals = body.indexOf(61, space);
    if (space < 0 || equals < 0 || !(length > 0) || at + length > body.length)
      throw new SyntaxError("a pax header of its tar archive is damaged");
    const key = decodeName(body.subarray(space + 1, equals));
    const value = body.subarray(equals + 1, at + length - 1);
    at += length;
    if (key.startsWith("GNU.sparse.")) extra.sparse = addSparseRecord(extra.sparse, key, value);
    else if (key === "path") extra.path = decodeName(value);
    else if (key === "linkpath") extra.linkPath = decodeName(value);
    else if (key === "size") extra.sizeBytes = Number(value.toString("latin1"));
    else if (key === "uid") extra.uid = Number(value.toString("latin1"));
    else if (key === "gid") extra.gid = Number(value.toString("latin1"));
    else if (key === "mtime") extra.mtime = Math.floor(Number(value.toString("latin1")));
    else if (key.startsWith("SCHILY.xattr.")) {
      extra.xattrs ??= new Map();
      extra.xattrs.set(key.slice("SCHILY.xattr.".length), value);
    }
  }
  return extra;
}
