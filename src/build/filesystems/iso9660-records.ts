import { decodeShortDate, recordFlags, recordHeadBytes, recordStruct, sectorBytes } from "./iso9660-format.ts";
import type { ExtentPlace } from "./iso9660-volume.ts";

/** A directory's record, or several of them that describe one file. */
export interface IsoRecord {
  readonly identifier: Uint8Array;
  readonly isDirectory: boolean;
  /** More than one for files of several extents. */
  readonly extents: readonly ExtentPlace[];
  readonly isInterleaved: boolean;
  readonly mtime: number;
  readonly systemUse: Uint8Array;
}

export interface IsoRecords {
  readonly self: IsoRecord | undefined;
  readonly records: readonly IsoRecord[];
  readonly isDamaged: boolean;
}

/** Reads a directory; "." and ".." are not among the records. Section 6.8.1: records lie in one sector, zeros fill it. */
export function readRecords(bytes: Uint8Array): IsoRecords {
  const records: IsoRecord[] = [];
  let self: IsoRecord | undefined;
  let isDamaged = false;
  let open: (IsoRecord & { extents: ExtentPlace[] }) | undefined;
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] as number;
    const nextSector = (Math.floor(at / sectorBytes) + 1) * sectorBytes;
    const end = Math.min(at + length, nextSector, bytes.length);
    if (length === 0) {
      at = nextSector;
      continue;
    }
    const record = decodeRecord(bytes.subarray(at, end));
    if (record === undefined || at + length > end) {
      isDamaged = true;
      at = nextSector;
      continue;
    }
    at += length;
    const { flags, identifier } = record;
    if (identifier.length === 1 && (identifier[0] as number) < 2) {
      if (identifier[0] === 0) self ??= record;
    } else if ((flags & recordFlags.associated) === 0) {
      if (open === undefined || Buffer.compare(open.identifier, identifier) !== 0) {
        isDamaged ||= open !== undefined;
        open = record;
        records.push(record);
      } else open.extents.push(...record.extents);
      if ((flags & recordFlags.multiExtent) === 0) open = undefined;
    }
  }
  return { self, records, isDamaged: isDamaged || open !== undefined };
}

function decodeRecord(bytes: Uint8Array): (IsoRecord & { flags: number; extents: ExtentPlace[] }) | undefined {
  if (bytes.length < recordStruct.size) return undefined;
  const record = recordStruct.decode(bytes);
  const head = recordHeadBytes(record.identifierBytes);
  if (record.identifierBytes === 0 || recordStruct.size + record.identifierBytes > bytes.length) return undefined;
  return {
    flags: record.flags,
    identifier: bytes.slice(recordStruct.size, recordStruct.size + record.identifierBytes),
    isDirectory: (record.flags & recordFlags.directory) !== 0,
    extents: [{ block: record.extentSector + record.attributeSectors, sizeBytes: record.dataBytes }],
    isInterleaved: record.unitSectors !== 0 || record.gapSectors !== 0,
    mtime: decodeShortDate(record.recorded),
    systemUse: bytes.slice(head),
  };
}
