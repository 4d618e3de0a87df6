import { struct, u32, u64 } from "../../core/struct.ts";

/** Version 3 header, from QEMU's docs/interop/qcow2.rst. Header extensions follow it; a type of 0, here the zeros behind it, ends them. */
export const headerStruct = struct("qcow2 header", 104, "big", {
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
  incompatibleFeatures: u64(72),
  compatibleFeatures: u64(80),
  autoclearFeatures: u64(88),
  refcountOrder: u32(96),
  headerLength: u32(100),
});

/** "QFI\xfb" */
export const magic = 0x514649fb;
/** What `compat=1.1` means: every QEMU since 1.7 writes it. */
export const version = 3;
/** Refcounts of 16 bits. */
export const refcountOrder = 4;

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
