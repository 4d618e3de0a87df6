import { ascii, bytes, type Field, struct, u8, u16, u32 } from "../../core/struct.ts";

/** Structures of ECMA-119 (ISO 9660). Numbers there count bytes from 1; offsets here count from 0. */
export const sectorBytes = 2048;
/** The first 16 sectors belong to whoever boots from the disc. */
export const firstDescriptorSector = 16;

/** Section 7.2.3: a 16-bit number in both byte orders, little-endian first. */
const both16 = (offset: number): Field<number> => both(u16(offset, "little"), u16(offset + 2, "big"));
/** Section 7.3.3: a 32-bit number in both byte orders. */
const both32 = (offset: number): Field<number> => both(u32(offset, "little"), u32(offset + 4, "big"));

function both(little: Field<number>, big: Field<number>): Field<number> {
  return {
    ...little,
    size: little.size + big.size,
    put(view, at, value) {
      little.put(view, at, value, true);
      big.put(view, at + little.size, value, false);
    },
    // There are discs whose two orders differ; this is the one that Linux reads.
    take: (view, at) => little.take(view, at, true),
  };
}

/** Section 8.4, and 8.5 for the supplementary descriptor. Text is bytes here: Joliet has UCS-2 in these places. */
export const volumeDescriptorStruct = struct("ISO 9660 volume descriptor", sectorBytes, "little", {
  type: u8(0),
  standardId: ascii(1, 5),
  version: u8(6),
  systemId: bytes(8, 32),
  volumeId: bytes(40, 32),
  volumeSectors: both32(80),
  escapeSequences: bytes(88, 32),
  volumeSetSize: both16(120),
  volumeSequenceNumber: both16(124),
  blockBytes: both16(128),
  pathTableBytes: both32(132),
  pathTableL: u32(140, "little"),
  pathTableM: u32(148, "big"),
  rootRecord: bytes(156, 34),
  volumeSetId: bytes(190, 128),
  publisherId: bytes(318, 128),
  preparerId: bytes(446, 128),
  applicationId: bytes(574, 128),
  copyrightFile: bytes(702, 37),
  abstractFile: bytes(739, 37),
  bibliographicFile: bytes(776, 37),
  created: bytes(813, 17),
  modified: bytes(830, 17),
  expires: bytes(847, 17),
  effective: bytes(864, 17),
  fileStructureVersion: u8(881),
});

export const descriptorTypes = { primary: 1, supplementary: 2, terminator: 255 } as const;
export const standardId = "CD001";

/** Section 9.1: the fixed part of a directory record. The identifier follows, then padding to an even length, then the system use area. */
export const recordStruct = struct("ISO 9660 directory record", 33, "little", {
  recordBytes: u8(0),
  /** Sectors of an extended attribute record, which go before the content. */
  attributeSectors: u8(1),
  extentSector: both32(2),
  dataBytes: both32(10),
  recorded: bytes(18, 7),
  flags: u8(25),
  /** Not zero for interleaved files. */
  unitSectors: u8(26),
  gapSectors: u8(27),
  volumeSequenceNumber: both16(28),
  identifierBytes: u8(32),
});

/** Section 9.1.6. `multiExtent`: the next record goes on with the same file. */
export const recordFlags = { directory: 0x02, associated: 0x04, multiExtent: 0x80 } as const;
/** One record counts the bytes of its extent with 32 bits; all but the last of a file have whole sectors. */
export const largestExtentBytes = 2 ** 32 - sectorBytes;
/** A record's length is one byte and even. */
export const longestRecordBytes = 254;

/** Bytes of a record before its system use area. */
export function recordHeadBytes(identifierBytes: number): number {
  return recordStruct.size + identifierBytes + ((identifierBytes + 1) % 2);
}

export interface RecordValues {
  readonly identifier: Uint8Array;
  readonly extentSector: number;
  readonly dataBytes: number;
  readonly mtime: number;
  readonly isDirectory: boolean;
  /** The next record goes on with the same file. */
  readonly isContinued?: boolean | undefined;
  readonly systemUse?: Uint8Array | undefined;
}

export function encodeRecord(values: RecordValues): Uint8Array {
  const { identifier, extentSector, dataBytes, mtime, isDirectory, isContinued = false, systemUse } = values;
  const head = recordHeadBytes(identifier.length);
  const recordBytes = head + (systemUse?.length ?? 0);
  const record = new Uint8Array(recordBytes + (recordBytes % 2));
  recordStruct.encodeInto(record, 0, {
    recordBytes: record.length,
    extentSector,
    dataBytes,
    recorded: shortDate(mtime),
    flags: (isDirectory ? recordFlags.directory : 0) | (isContinued ? recordFlags.multiExtent : 0),
    volumeSequenceNumber: 1,
    identifierBytes: identifier.length,
  });
  record.set(identifier, recordStruct.size);
  if (systemUse !== undefined) record.set(systemUse, head);
  return record;
}

/** Section 9.1.5: years since 1900, month, day, hour, minute, second, quarters of an hour from UTC. 1900 to 2155. */
export function shortDate(epochSeconds: number): Uint8Array {
  const date = new Date(epochSeconds * 1000);
  const year = Math.min(255, Math.max(0, date.getUTCFullYear() - 1900));
  return Uint8Array.of(
    year,
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  );
}

/** Seconds since 1970. */
export function decodeShortDate(date: Uint8Array): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, quarters = 0] = date;
  return Date.UTC(1900 + year, month - 1, day, hour, minute, second) / 1000 - quartersFromUtc(quarters) * 900;
}

function quartersFromUtc(byte: number): number {
  return byte < 0x80 ? byte : byte - 0x100;
}

/** Section 8.4.26.1: sixteen digits, to hundredths of a second, and the offset from UTC. */
export function longDate(epochSeconds: number, hundredths = 0): Uint8Array {
  const date = new Date(epochSeconds * 1000).toISOString().replace(/\D/g, "").slice(0, 14);
  const digits = date + String(hundredths).padStart(2, "0");
  return Uint8Array.of(...Buffer.from(digits, "latin1"), 0);
}

/** Seconds since 1970; undefined if not specified, or no date. */
export function decodeLongDate(date: Uint8Array): number | undefined {
  const digits = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\d\d$/.exec(
    Buffer.from(date.subarray(0, 16)).toString("latin1"),
  );
  if (digits === null || digits[0] === "0".repeat(16)) return undefined;
  const [year, month, day, hour, minute, second] = digits.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000 - quartersFromUtc(date[16] ?? 0) * 900;
}

/** What 8.4.26.1 writes for "not specified". */
export const noDate = Uint8Array.of(...Buffer.from("0".repeat(16), "latin1"), 0);
