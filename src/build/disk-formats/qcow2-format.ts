import { struct, u8, u16, u32, u64 } from "../../core/struct.ts";

/** From QEMU's docs/interop/qcow2.rst, as all of this file. The part that both versions have: in version 2 extensions follow it. */
const commonFields = {
  magic: u32(0),
  version: u32(4),
  backingFileOffset: u64(8),
  backingFileSize: u32(16),
  clusterBits: u32(20),
  sizeBytes: u64(24),
  cryptMethod: u32(32),
  l1Size: u32(36),
  l1TableOffset: u64(40),
  refcountTableOffset: u64(48),
  refcountTableClusters: u32(56),
  snapshotCount: u32(60),
  snapshotsOffset: u64(64),
};

export const header2Struct = struct("qcow2 header, version 2", 72, "big", commonFields);

/** Version 3. Header extensions follow it, at `headerLength`; a type of 0, here the zeros behind it, ends them. Features are two halves: any bit may be set. */
export const header3Struct = struct("qcow2 header, version 3", 112, "big", {
  ...commonFields,
  incompatibleHigh: u32(72),
  incompatibleFeatures: u32(76),
  compatibleHigh: u32(80),
  compatibleFeatures: u32(84),
  autoclearHigh: u32(88),
  autoclearFeatures: u32(92),
  refcountOrder: u32(96),
  headerLength: u32(100),
  /** Only if the header is long enough to have it. */
  compressionType: u8(104),
});

/** Length of a version 3 header that has no compression type: everybody reads it. */
export const plainHeader3Bytes = 104;

/** "QFI\xfb" */
export const magic = 0x514649fb;
/** Refcounts of 16 bits: all that version 2 knows. */
export const refcountOrder = 4;
export const smallestClusterBits = 9;
export const largestClusterBits = 21;
/** Of all entries together; QEMU reads no more. */
export const largestL1Bytes = 32 * 1024 ** 2;

/** `compat`, as QEMU calls the versions. */
export const versionOfCompat = { "0.10": 2, "1.1": 3 } as const;
export const compressionTypes = { zlib: 0, zstd: 1 } as const;

/** A reader that does not know one of these must refuse the image. */
export const incompatible = { dirty: 1, corrupt: 2, externalData: 4, compressionType: 8, extendedL2: 16 } as const;
export const compatible = { lazyRefcounts: 1 } as const;

export const extensionStruct = struct("qcow2 header extension", 8, "big", { type: u32(0), lengthBytes: u32(4) });
export const extensionTypes = {
  end: 0,
  backingFormat: 0xe2792aca,
  featureNames: 0x6803f857,
  bitmaps: 0x23852875,
  cryptoHeader: 0x0537be77,
  externalData: 0x44415441,
} as const;

export const featureNameStruct = struct("qcow2 feature name", 2, "big", { kind: u8(0), bit: u8(1) });
export const featureNameBytes = 48;

/** What follows its fixed part varies: extra data, id, name, padding to eight bytes. */
export const snapshotStruct = struct("qcow2 snapshot", 40, "big", {
  idBytes: u16(12),
  nameBytes: u16(14),
  extraBytes: u32(36),
});

/** Host offset, and bit 63: the refcount is exactly one, so the guest may write in place. */
export function plainEntry(hostOffset: number): bigint {
  return BigInt(hostOffset) | (1n << 63n);
}

/**
 * Bit 62 says compressed; never bit 63. The low x bits are the host offset, to the byte; above them the number of 512-byte sectors that the
 * data touches *beyond* the one it starts in. x = 62 - (clusterBits - 8).
 */
export function compressedEntry(hostOffset: number, lengthBytes: number, clusterBits: number): bigint {
  const offsetBits = BigInt(62 - (clusterBits - 8));
  const moreSectors = Math.floor((hostOffset + lengthBytes - 1) / 512) - Math.floor(hostOffset / 512);
  return (1n << 62n) | (BigInt(moreSectors) << offsetBits) | BigInt(hostOffset);
}

// Entries are read in two halves: there are millions of them, and numbers of 64 bits cost an object each.

/** Bits 9 to 55 of an L1 entry, or of an L2 entry that is not compressed. */
export function plainOffset(high: number, low: number): number {
  return (high & 0x00ffffff) * 2 ** 32 + ((low & 0xfffffe00) >>> 0);
}

/** Of a compressed entry: where its data starts, and how many bytes there are at most, up to the end of the last sector. */
export function compressedPlace(
  high: number,
  low: number,
  clusterBits: number,
): { hostOffset: number; lengthBytes: number } {
  const highOffsetBits = 62 - (clusterBits - 8) - 32;
  const hostOffset = (high & (2 ** highOffsetBits - 1)) * 2 ** 32 + low;
  const moreSectors = (high & 0x3fffffff) >>> highOffsetBits;
  return { hostOffset, lengthBytes: (moreSectors + 1) * 512 - (low & 511) };
}
