import type { ByteSource } from "../../core/byte-source.ts";
import { decodeName } from "../../core/names.ts";
import { decodeLongDate, decodeShortDate } from "./iso9660-format.ts";

/** What Rock Ridge says of a record. Undefined is what it does not say. */
export interface RockRidge {
  readonly name?: string;
  /** With the type's bits. */
  readonly mode?: number;
  readonly linkCount?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** RRIP 1.12: equal numbers are equal files. */
  readonly serial?: number;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly target?: string;
  readonly mtime?: number;
  /** The directory that is really here was moved to this block. */
  readonly childBlock?: number;
  /** This directory was moved here from elsewhere. */
  readonly isRelocated?: boolean;
  /** Its content is compressed (zisofs) or sparse in a way of Rock Ridge's own. */
  readonly encoding?: string;
  readonly isRockRidge?: boolean;
}

interface Entry {
  readonly signature: string;
  readonly data: DataView;
}

/** Nobody's names and targets need more, and a damaged disc may have rings of them. */
const mostContinuations = 32;
const largestContinuationBytes = 2048;

/**
 * The entries of a system use area, continuation areas included (SUSP, IEEE P1281). What is cut off or no entry ends it.
 *
 * @param blockBytes what continuation areas are counted in
 */
function* entriesOf(area: Uint8Array, source: ByteSource, blockBytes: number): IterableIterator<Entry> {
  let at: Uint8Array | undefined = area;
  for (let hops = 0; at !== undefined && hops <= mostContinuations; hops++) {
    let next: Uint8Array | undefined;
    for (let offset = 0; offset + 4 <= at.length; ) {
      const length = at[offset + 2] as number;
      if (length < 4 || offset + length > at.length) break;
      const signature = String.fromCharCode(at[offset] as number, at[offset + 1] as number);
      const data = new DataView(at.buffer, at.byteOffset + offset + 4, length - 4);
      if (signature === "ST") break;
      if (signature === "CE") next = continuation(data, source, blockBytes);
      else yield { signature, data };
      offset += length;
    }
    at = next;
  }
}

function continuation(data: DataView, source: ByteSource, blockBytes: number): Uint8Array | undefined {
  if (data.byteLength < 24) return undefined;
  const offset = data.getUint32(0, true) * blockBytes + data.getUint32(8, true);
  const length = Math.min(data.getUint32(16, true), largestContinuationBytes);
  if (offset + length > source.sizeBytes) return undefined;
  const bytes = new Uint8Array(length);
  source.read(bytes, offset);
  return bytes;
}

/** How many bytes of each system use area are not SUSP's, as the root's "." says; undefined if the disc does not use it at all. */
export function sharingSkip(area: Uint8Array): number | undefined {
  // CD-ROM XA discs have 14 bytes of their own in front.
  for (const offset of [0, 14]) {
    const [s, p, length = 0, version, check1, check2, skip] = area.subarray(offset, offset + 7);
    if (s === 0x53 && p === 0x50 && length >= 7 && version === 1 && check1 === 0xbe && check2 === 0xef) return skip;
  }
  return undefined;
}

/** Rock Ridge (IEEE P1282). */
export function readRockRidge(area: Uint8Array, source: ByteSource, blockBytes: number): RockRidge {
  const found: { -readonly [K in keyof RockRidge]: RockRidge[K] } = {};
  const name: number[] = [];
  let link: LinkSoFar | undefined;
  for (const { signature, data } of entriesOf(area, source, blockBytes)) {
    const has = (length: number) => data.byteLength >= length;
    if (signature === "PX" && has(32)) {
      found.mode = data.getUint32(0, true);
      found.linkCount = data.getUint32(8, true);
      found.uid = data.getUint32(16, true);
      found.gid = data.getUint32(24, true);
      if (has(40)) found.serial = data.getUint32(32, true);
    } else if (signature === "PN" && has(16)) found.device = deviceOf(data.getUint32(0, true), data.getUint32(8, true));
    else if (signature === "NM" && has(1)) {
      // "." and ".." need no name.
      if ((data.getUint8(0) & 0x06) === 0) name.push(...bytesOf(data, 1));
    } else if (signature === "SL" && has(1)) link = addComponents(link, bytesOf(data, 1));
    else if (signature === "TF" && has(1)) found.mtime = modificationTime(data) ?? found.mtime ?? 0;
    else if (signature === "CL" && has(4)) found.childBlock = data.getUint32(0, true);
    else if (signature === "RE") found.isRelocated = true;
    else if (signature === "ZF" || signature === "SF") found.encoding = signature;
    else if (signature !== "RR" && signature !== "ER") continue;
    found.isRockRidge = true;
  }
  if (name.length > 0) found.name = decodeName(Uint8Array.from(name));
  if (link !== undefined) found.target = decodeName(Uint8Array.from(link.bytes));
  return found;
}

/** Small numbers are in the low half, as a "dev_t" of old; Linux takes it so (fs/isofs/rock.c). */
function deviceOf(high: number, low: number): { major: number; minor: number } {
  return high === 0 && low > 0xff ? { major: low >>> 8, minor: low & 0xff } : { major: high, minor: low };
}

/** Bit 0 is creation, bit 1 modification; the times that are there follow in this order. */
function modificationTime(data: DataView): number | undefined {
  const flags = data.getUint8(0);
  const length = (flags & 0x80) === 0 ? 7 : 17;
  const at = 1 + (flags & 1) * length;
  if ((flags & 2) === 0 || at + length > data.byteLength) return undefined;
  const date = bytesOf(data, at).subarray(0, length);
  return length === 7 ? decodeShortDate(date) : decodeLongDate(date);
}

interface LinkSoFar {
  readonly bytes: number[];
  /** Whether the next component belongs to another name than the last. */
  readonly isSeparate: boolean;
}

const slash = 0x2f;
const dot = 0x2e;

/** Components: flags, length, content. */
function addComponents(before: LinkSoFar | undefined, area: Uint8Array): LinkSoFar {
  const bytes = before?.bytes ?? [];
  let isSeparate = before?.isSeparate ?? false;
  for (let at = 0; at + 2 <= area.length; ) {
    const flags = area[at] as number;
    const length = area[at + 1] as number;
    if (isSeparate && bytes.at(-1) !== slash) bytes.push(slash);
    if ((flags & 0x02) !== 0) bytes.push(dot);
    else if ((flags & 0x04) !== 0) bytes.push(dot, dot);
    else if ((flags & 0x08) !== 0) bytes.push(slash);
    else bytes.push(...area.subarray(at + 2, at + 2 + length));
    isSeparate = (flags & 0x01) === 0;
    at += 2 + length;
  }
  return { bytes, isSeparate };
}

function bytesOf(data: DataView, from: number): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset + from, data.byteLength - from);
}
