import { ascii, bytes, type Field, struct, u8, u16, u32 } from "../../core/struct.ts";

/**
 * Structures of FAT12, FAT16 and FAT32: Microsoft's "FAT: General Overview of On-Disk Format" (fatgen), version 1.03. Everything is little-endian.
 */
export const sectorBytes = 512;
export const entryBytes = 32;

export type FatBits = 12 | 16 | 32;

/** Section "FAT Type Determination": the number of clusters decides the type, and nothing else does. */
export const fewestFat16Clusters = 4085;
export const fewestFat32Clusters = 65525;

export function bitsForClusters(clusters: number): FatBits {
  if (clusters < fewestFat16Clusters) return 12;
  return clusters < fewestFat32Clusters ? 16 : 32;
}

/** Clusters count from 2: entries 0 and 1 of the table are its media byte and its flags. */
export const firstCluster = 2;

const parameterFields = {
  jump: bytes(0, 3),
  oemName: ascii(3, 8, " "),
  sectorBytes: u16(11),
  sectorsPerCluster: u8(13),
  reservedSectors: u16(14),
  fatCount: u8(16),
  /** Zero on FAT32, whose root is a chain as any directory. */
  rootEntries: u16(17),
  totalSectors16: u16(19),
  media: u8(21),
  fatSectors16: u16(22),
  sectorsPerTrack: u16(24),
  heads: u16(26),
  hiddenSectors: u32(28),
  totalSectors32: u32(32),
} satisfies Record<string, Field<unknown>>;

/** Boot sector and BIOS parameter block of FAT12 and FAT16. */
export const bootSectorStruct = struct("FAT boot sector", sectorBytes, "little", {
  ...parameterFields,
  driveNumber: u8(36),
  state: u8(37),
  extendedSignature: u8(38),
  serial: u32(39),
  label: bytes(43, 11),
  typeName: ascii(54, 8, " "),
  bootCode: bytes(62, 448),
  signature: u16(510),
});

export const bootSector32Struct = struct("FAT32 boot sector", sectorBytes, "little", {
  ...parameterFields,
  fatSectors32: u32(36),
  extendedFlags: u16(40),
  version: u16(42),
  rootCluster: u32(44),
  infoSector: u16(48),
  backupSector: u16(50),
  driveNumber: u8(64),
  state: u8(65),
  extendedSignature: u8(66),
  serial: u32(67),
  label: bytes(71, 11),
  typeName: ascii(82, 8, " "),
  bootCode: bytes(90, 420),
  signature: u16(510),
});

export const bootSignature = 0xaa55;
/** Says that serial, label and type name follow. */
export const extendedSignature = 0x29;
/** "Fixed disk"; the low byte of the table's first entry says the same. */
export const fixedMedia = 0xf8;

export const infoSectorStruct = struct("FAT32 FSInfo sector", sectorBytes, "little", {
  leadSignature: u32(0),
  structureSignature: u32(484),
  freeClusters: u32(488),
  nextFree: u32(492),
  trailSignature: u32(508),
});

export const infoSignatures = {
  leadSignature: 0x41615252,
  structureSignature: 0x61417272,
  trailSignature: 0xaa550000,
} as const;

export const directoryEntryStruct = struct("FAT directory entry", entryBytes, "little", {
  name: bytes(0, 11),
  attributes: u8(11),
  /** Windows NT's: base or extension of the short name are to be shown in lower case. */
  caseBits: u8(12),
  /** Hundredths of a second, 0 to 199: the odd second of the creation time. */
  createdHundredths: u8(13),
  createdTime: u16(14),
  createdDate: u16(16),
  accessedDate: u16(18),
  clusterHigh: u16(20),
  writtenTime: u16(22),
  writtenDate: u16(24),
  clusterLow: u16(26),
  sizeBytes: u32(28),
});

export const entryAttributes = { readOnly: 0x01, volumeLabel: 0x08, directory: 0x10, archive: 0x20 } as const;
/** An entry with all of read-only, hidden, system and label is a piece of a long name. */
export const longNameAttributes = 0x0f;
export const longNameMask = 0x3f;
export const caseBits = { lowerBase: 0x08, lowerExtension: 0x10 } as const;

export const longEntryStruct = struct("FAT long name entry", entryBytes, "little", {
  order: u8(0),
  units1: bytes(1, 10),
  attributes: u8(11),
  type: u8(12),
  checksum: u8(13),
  units2: bytes(14, 12),
  cluster: u16(26),
  units3: bytes(28, 4),
});

/** Set in the order of the last piece, which comes first. */
export const lastLongEntry = 0x40;
export const unitsPerLongEntry = 13;
export const longestName = 255;

/** First byte of a name: the entry is free; it and all that follow are; the byte is really 0xE5. */
export const nameMarks = { free: 0xe5, end: 0x00, escapedE5: 0x05 } as const;

/** Directories count their entries with 16 bits, so no more than 2 MiB. */
export const mostDirectoryEntries = 65536;
export const largestFileBytes = 2 ** 32 - 1;

/** Section "Directory structure": ties a long name to its short one. */
export function shortNameChecksum(name: Uint8Array): number {
  let sum = 0;
  for (const byte of name) sum = (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff;
  return sum;
}
