import { encodeName } from "../../core/names.ts";
import { fileTypeBits, type Node } from "../../core/tree.ts";
import { sectorBytes, shortDate } from "./iso9660-format.ts";

/**
 * System use entries: SUSP (IEEE P1281) says how they are chained, Rock Ridge (IEEE P1282, identified as RRIP_1991A, which everybody reads) what
 * they say. Each is two letters, its length, version 1, and what the letters stand for.
 */
function entry(signature: string, data: Uint8Array): Uint8Array {
  return Uint8Array.of(...Buffer.from(signature, "latin1"), 4 + data.length, 1, ...data);
}

/** Most bytes of data in an entry that starts with a byte of flags: its length is one byte. */
const longestData = 250;
const continues = 1;

/** The root's "." says that the protocol is in use at all; its check bytes are 0xBE 0xEF, and nothing is skipped before entries. */
export const sharingProtocol = entry("SP", Uint8Array.of(0xbe, 0xef, 0));

/** And which extensions are. Once, in the root's ".". */
export const extensionsReference = (() => {
  const id = Buffer.from("RRIP_1991A", "latin1");
  const description = Buffer.from(
    "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS",
    "latin1",
  );
  return entry("ER", Uint8Array.of(id.length, description.length, 0, 1, ...id, ...description));
})();

/** Mode, links, owner, and times. What "." and ".." have. */
export function attributes(node: Node, linkCount: number): Uint8Array[] {
  const posix = [fileTypeBits[node.type] | node.mode, linkCount, node.uid, node.gid].flatMap(both32);
  const modificationAccessAttributes = 0x02 | 0x04 | 0x08;
  const time = shortDate(node.mtime);
  return [
    entry("PX", Uint8Array.from(posix)),
    entry("TF", Uint8Array.of(modificationAccessAttributes, ...time, ...time, ...time)),
  ];
}

/** All that a named entry has. */
export function namedAttributes(name: string, node: Node, linkCount: number): Uint8Array[] {
  const entries = [...alternateName(name), ...attributes(node, linkCount)];
  if (node.type === "symlink") entries.push(...symbolicLink(node.target));
  if (node.type === "character-device" || node.type === "block-device") {
    entries.push(entry("PN", Uint8Array.from(deviceNumbers(node.major, node.minor).flatMap(both32))));
  }
  return entries;
}

/**
 * The two halves of a "dev_t". Linux (fs/isofs/rock.c) takes them as major and minor, unless the first is zero: then the second is 8 bits of minor below the
 * major, which is what everybody else expects of a small one.
 */
function deviceNumbers(major: number, minor: number): [high: number, low: number] {
  return minor < 256 && major < 4096 ? [0, (major << 8) | minor] : [major, minor];
}

function alternateName(name: string): Uint8Array[] {
  const bytes = encodeName(name);
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += longestData) {
    const part = bytes.subarray(at, at + longestData);
    entries.push(entry("NM", Uint8Array.of(at + longestData < bytes.length ? continues : 0, ...part)));
  }
  return entries;
}

/** One component record per part of the path, in as many entries as it takes; a part may itself be divided. Doubled slashes and one at the end have no place here. */
function symbolicLink(target: string): Uint8Array[] {
  const current = 2;
  const parent = 4;
  const root = 8;
  const areas: number[][] = [[]];
  const room = () => longestData - (areas.at(-1) as number[]).length;
  const put = (flags: number, content: Uint8Array) => {
    if (room() < 2 + Math.min(content.length, 1)) areas.push([]);
    const fits = content.subarray(0, room() - 2);
    const rest = content.subarray(fits.length);
    areas.at(-1)?.push(rest.length > 0 ? continues : flags, fits.length, ...fits);
    if (rest.length > 0) put(flags, rest);
  };
  const none = new Uint8Array(0);
  if (target.startsWith("/")) put(root, none);
  for (const part of target.split("/")) {
    if (part === ".") put(current, none);
    else if (part === "..") put(parent, none);
    else if (part !== "") put(0, encodeName(part));
  }
  return areas.map((area, index) => entry("SL", Uint8Array.of(index < areas.length - 1 ? continues : 0, ...area)));
}

function both32(value: number): number[] {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, value, true);
  bytes.setUint32(4, value, false);
  return [...new Uint8Array(bytes.buffer)];
}

const continuationBytes = 28;

interface Chunk {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly entries: readonly Uint8Array[];
  readonly next: Chunk | undefined;
}

/** The entries of one record: some in it, the rest in the continuation area. */
export interface SystemUse {
  readonly lengthBytes: number;
  /** Once the area has its place. */
  encode(): Uint8Array;
}

/** Where a directory's entries go that do not fit their records. A piece of it never crosses a sector: Linux refuses such. */
export class ContinuationArea {
  #startSector: number | undefined;
  #usedBytes = 0;
  readonly #chunks: Chunk[] = [];

  get sectorCount(): number {
    return Math.ceil(this.#usedBytes / sectorBytes);
  }

  /** Divides entries between a record with this much room and the area. */
  plan(entries: readonly Uint8Array[], roomBytes: number): SystemUse {
    const { head, rest } = cut(entries, roomBytes);
    const next = this.#allocate(rest);
    return {
      lengthBytes: lengthOf(head) + (next === undefined ? 0 : continuationBytes),
      encode: () => this.#concat(head, next),
    };
  }

  placeAt(startSector: number): void {
    this.#startSector = startSector;
  }

  encode(): Uint8Array {
    const area = new Uint8Array(this.sectorCount * sectorBytes);
    for (const { entries, next, offsetBytes } of this.#chunks) area.set(this.#concat(entries, next), offsetBytes);
    return area;
  }

  #allocate(entries: readonly Uint8Array[]): Chunk | undefined {
    if (entries.length === 0) return undefined;
    const { head, rest } = cut(entries, sectorBytes);
    const lengthBytes = lengthOf(head) + (rest.length === 0 ? 0 : continuationBytes);
    const leftBytes = sectorBytes - (this.#usedBytes % sectorBytes);
    const offsetBytes = lengthBytes <= leftBytes ? this.#usedBytes : this.#usedBytes + leftBytes;
    this.#usedBytes = offsetBytes + lengthBytes;
    const chunk = { offsetBytes, lengthBytes, entries: head, next: this.#allocate(rest) };
    this.#chunks.push(chunk);
    return chunk;
  }

  #concat(entries: readonly Uint8Array[], next: Chunk | undefined): Uint8Array {
    if (next === undefined) return Buffer.concat(entries);
    if (this.#startSector === undefined) throw new TypeError("the continuation area has no place yet");
    const sector = this.#startSector + Math.floor(next.offsetBytes / sectorBytes);
    const pointer = [sector, next.offsetBytes % sectorBytes, next.lengthBytes].flatMap(both32);
    return Buffer.concat([...entries, entry("CE", Uint8Array.from(pointer))]);
  }
}

/** As many entries from the start as fit, leaving room for a pointer to the rest if there is one. */
function cut(entries: readonly Uint8Array[], roomBytes: number): { head: Uint8Array[]; rest: Uint8Array[] } {
  if (lengthOf(entries) <= roomBytes) return { head: [...entries], rest: [] };
  let used = 0;
  let count = 0;
  for (const each of entries) {
    if (used + each.length > roomBytes - continuationBytes) break;
    used += each.length;
    count++;
  }
  return { head: entries.slice(0, count), rest: entries.slice(count) };
}

function lengthOf(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, each) => sum + each.length, 0);
}
