import { decodeCodePage } from "./fat-code-page.ts";
import {
  caseBits,
  directoryEntryStruct,
  entryAttributes,
  entryBytes,
  lastLongEntry,
  longEntryStruct,
  longestName,
  longNameAttributes,
  longNameMask,
  nameMarks,
  shortNameChecksum,
  unitsPerLongEntry,
} from "./fat-format.ts";
import { decodeTime } from "./fat-times.ts";

/** What an entry of a directory says; deleted entries, "." and ".." are left out. */
export interface ReadEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isReadOnly: boolean;
  readonly firstCluster: number;
  readonly sizeBytes: number;
  readonly mtime: number;
}

export interface ReadDirectory {
  readonly entries: readonly ReadEntry[];
  readonly label: string | undefined;
  /** Pieces of long names that belong to nothing. */
  readonly orphans: number;
}

const dots = [".", ".."].map((name) => name.padEnd(11));

export function readDirectory(bytes: Uint8Array, is32: boolean): ReadDirectory {
  const entries: ReadEntry[] = [];
  let label: string | undefined;
  let orphans = 0;
  let pieces: Uint8Array[] = [];
  const drop = () => {
    orphans += pieces.length;
    pieces = [];
  };
  for (let at = 0; at + entryBytes <= bytes.length && bytes[at] !== nameMarks.end; at += entryBytes) {
    const entry = bytes.subarray(at, at + entryBytes);
    const attributes = entry[11] as number;
    if (entry[0] === nameMarks.free) drop();
    else if ((attributes & longNameMask) === longNameAttributes) {
      if (((entry[0] as number) & lastLongEntry) !== 0) drop();
      pieces.push(entry);
    } else if ((attributes & entryAttributes.volumeLabel) !== 0) {
      drop();
      label ??= decodeLabel(entry.subarray(0, 11));
    } else {
      const raw = entry.subarray(0, 11);
      const longName = assemble(pieces, shortNameChecksum(raw));
      if (longName === undefined) drop();
      pieces = [];
      if (dots.includes(Buffer.from(raw).toString("latin1"))) continue;
      entries.push(decodeEntry(entry, longName, is32));
    }
  }
  drop();
  return { entries, label, orphans };
}

/** Labels are as short names, but their two parts are one. */
export function decodeLabel(bytes: Uint8Array): string {
  return decodeCodePage(withoutEscape(bytes)).replace(/[ \0]+$/, "");
}

function decodeEntry(bytes: Uint8Array, longName: string | undefined, is32: boolean): ReadEntry {
  const entry = directoryEntryStruct.decode(bytes);
  const isDirectory = (entry.attributes & entryAttributes.directory) !== 0;
  return {
    name: longName ?? decodeShort(entry.name, entry.caseBits),
    isDirectory,
    isReadOnly: (entry.attributes & entryAttributes.readOnly) !== 0,
    // The upper half is FAT32's; elsewhere OS/2 kept other things in it.
    firstCluster: entry.clusterLow + (is32 ? (entry.clusterHigh & 0x0fff) * 0x10000 : 0),
    sizeBytes: isDirectory ? 0 : entry.sizeBytes,
    mtime: decodeTime(entry.writtenDate, entry.writtenTime),
  };
}

function decodeShort(name: Uint8Array, bits: number): string {
  const part = (bytes: Uint8Array, isLower: boolean) => {
    const text = decodeCodePage(bytes).replace(/ +$/, "");
    return isLower ? text.toLowerCase() : text;
  };
  const bytes = withoutEscape(name);
  const base = part(bytes.subarray(0, 8), (bits & caseBits.lowerBase) !== 0);
  const extension = part(bytes.subarray(8), (bits & caseBits.lowerExtension) !== 0);
  return extension === "" ? base : `${base}.${extension}`;
}

function withoutEscape(name: Uint8Array): Uint8Array {
  return name[0] === nameMarks.escapedE5 ? Uint8Array.of(0xe5, ...name.subarray(1)) : name;
}

/** The long name that goes before a short one with this checksum, if all of its pieces are there. Halves of surrogate pairs become U+FFFD. */
function assemble(pieces: readonly Uint8Array[], checksum: number): string | undefined {
  if (pieces.length === 0) return undefined;
  const units = Buffer.alloc(pieces.length * unitsPerLongEntry * 2);
  for (const [index, piece] of pieces.entries()) {
    const order = pieces.length - index;
    const entry = longEntryStruct.decode(piece);
    const expected = order | (index === 0 ? lastLongEntry : 0);
    if (entry.order !== expected || entry.checksum !== checksum) return undefined;
    const at = (order - 1) * unitsPerLongEntry * 2;
    units.set(entry.units1, at);
    units.set(entry.units2, at + 10);
    units.set(entry.units3, at + 22);
  }
  const text = units.toString("utf16le");
  const end = text.indexOf("\0");
  const name = (end < 0 ? text : text.slice(0, end)).toWellFormed();
  return name.length > longestName || !isUsable(name) ? undefined : name;
}

/** Whether a Linux could have a file of this name. */
export function isUsable(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
}
