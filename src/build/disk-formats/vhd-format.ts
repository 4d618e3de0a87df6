import { ascii, bytes, struct, u8, u16, u32, u64big } from "../../core/struct.ts";

/** Microsoft's "Virtual Hard Disk Image Format Specification" of 2006: big-endian throughout. */
export const footerStruct = struct("VHD footer", 512, "big", {
  cookie: ascii(0, 8),
  features: u32(8),
  formatVersion: u32(12),
  dataOffset: u64big(16),
  timestamp: u32(24),
  creatorApplication: ascii(28, 4),
  creatorVersion: u32(32),
  creatorHostSystem: ascii(36, 4),
  originalSize: u64big(40),
  currentSize: u64big(48),
  cylinders: u16(56),
  heads: u8(58),
  sectorsPerTrack: u8(59),
  diskType: u32(60),
  checksum: u32(64),
  uniqueId: bytes(68, 16),
  savedState: u8(84),
});

export const parentLocatorCount = 8;

export const dynamicHeaderStruct = struct("VHD dynamic disk header", 1024, "big", {
  cookie: ascii(0, 8),
  dataOffset: u64big(8),
  tableOffset: u64big(16),
  headerVersion: u32(24),
  maxTableEntries: u32(28),
  blockSize: u32(32),
  checksum: u32(36),
  parentUniqueId: bytes(40, 16),
  parentTimestamp: u32(56),
  parentName: bytes(64, 512),
  parentLocators: bytes(576, parentLocatorCount * 24),
});

export const parentLocatorStruct = struct("VHD parent locator", 24, "big", {
  platformCode: ascii(0, 4),
  dataSpace: u32(4),
  dataLength: u32(8),
  dataOffset: u64big(16),
});

export const footerCookie = "conectix";
export const dynamicHeaderCookie = "cxsparse";
/** "Reserved": always set. */
export const features = 2;
export const formatVersion = 0x00010000;
export const diskTypes = { fixed: 2, dynamic: 3, differencing: 4 } as const;
export const noOffset = 0xffff_ffff_ffff_ffffn;
/** Of a block that is not stored. */
export const noBlock = 0xffffffff;
export const sectorBytes = 512;
export const blockBytes = 2 * 1024 ** 2;

/** The ones' complement of the sum of all bytes, as if the checksum itself were zero. */
export function checksumOf(structure: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  structure.forEach((byte, index) => {
    if (index < checksumOffset || index >= checksumOffset + 4) sum += byte;
  });
  return ~sum >>> 0;
}

/** The structure with its checksum put in. */
export function withChecksum(structure: Uint8Array, checksumOffset: number): Uint8Array {
  new DataView(structure.buffer, structure.byteOffset).setUint32(checksumOffset, checksumOf(structure, checksumOffset));
  return structure;
}

/** Bytes of the bitmap in front of each block: a bit for each sector, in whole sectors. */
export function bitmapBytesOf(blockSizeBytes: number): number {
  return Math.ceil(blockSizeBytes / sectorBytes / 8 / sectorBytes) * sectorBytes;
}
