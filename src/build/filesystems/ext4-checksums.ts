import { crc32c, crc32cOfNumber } from "./ext4-crc32c.ts";
import {
  blockSizeBytes,
  directoryTail,
  directoryTailType,
  extentHeader,
  extentTail,
  groupDescriptor,
  indexCounts,
  indexEntry,
  indexTail,
  inode as inodeStruct,
  superblock,
  xattrBlockHeader,
} from "./ext4-format.ts";

/**
 * What `metadata_csum` protects and how (kernel documentation, "Checksums"). All but the superblock's begin with the file system's seed, and what
 * belongs to an inode with a seed of that inode's own.
 */

export function superblockChecksum(bytes: Uint8Array): number {
  return crc32c(0xffffffff, bytes.subarray(0, superblock.fields.checksum.offset));
}

/** The lower half of the sum over the group's number and its descriptor with a zero in place of the checksum. */
export function descriptorChecksum(seed: number, group: number, descriptor: Uint8Array): number {
  const { offset, size } = groupDescriptor.fields.checksum;
  let sum = crc32cOfNumber(seed, group);
  sum = crc32c(sum, descriptor.subarray(0, offset));
  sum = crc32c(sum, new Uint8Array(size));
  return crc32c(sum, descriptor.subarray(offset + size)) & 0xffff;
}

/** Generations are zero in all that we write. */
export function inodeSeed(seed: number, number: number, generation = 0): number {
  return crc32cOfNumber(crc32cOfNumber(seed, number), generation);
}

/** Over itself with zeros in place of the checksum, of which short inodes have the lower half only (fs/ext4/inode.c, ext4_inode_csum). */
export function inodeChecksum(ownSeed: number, raw: Uint8Array, hasHigh: boolean): number {
  const { checksum, checksumHigh } = inodeStruct.fields;
  const zero = new Uint8Array(2);
  let sum = crc32c(ownSeed, raw.subarray(0, checksum.offset));
  sum = crc32c(sum, zero);
  if (!hasHigh) return crc32c(sum, raw.subarray(checksum.offset + 2));
  sum = crc32c(sum, raw.subarray(checksum.offset + 2, checksumHigh.offset));
  sum = crc32c(sum, zero);
  return crc32c(sum, raw.subarray(checksumHigh.offset + 2));
}

export function setInodeChecksum(raw: Uint8Array, ownSeed: number): void {
  const { checksum, checksumHigh } = inodeStruct.fields;
  const sum = inodeChecksum(ownSeed, raw, true);
  const view = viewOf(raw);
  view.setUint16(checksum.offset, sum & 0xffff, true);
  view.setUint16(checksumHigh.offset, sum >>> 16, true);
}

/** Fills the last twelve bytes of a block of a directory's entries. */
export function setDirectoryTail(block: Uint8Array, ownSeed: number): void {
  const at = block.length - directoryTail.size;
  const checksum = crc32c(ownSeed, block.subarray(0, at));
  directoryTail.encodeInto(block, at, { recordBytes: directoryTail.size, type: directoryTailType, checksum });
}

/** Of a block of a directory's index, whose entries begin at `entriesAt`: over what is in use (fs/ext4/namei.c, ext4_dx_csum). */
export function setIndexTail(block: Uint8Array, entriesAt: number, ownSeed: number): void {
  const { limit, count } = indexCounts.decode(block, entriesAt);
  let sum = crc32c(ownSeed, block.subarray(0, entriesAt + count * indexEntry.size));
  sum = crc32c(sum, new Uint8Array(indexTail.size));
  indexTail.encodeInto(block, entriesAt + limit * indexEntry.size, { checksum: sum });
}

/** Of a block of a tree of extents. */
export function setExtentChecksum(block: Uint8Array, ownSeed: number): void {
  const { max } = extentHeader.decode(block);
  const at = extentHeader.size + max * 12;
  extentTail.encodeInto(block, at, { checksum: crc32c(ownSeed, block.subarray(0, at)) });
}

/** Of a block of extended attributes that lies at block `number`; the block itself stays as it is, others may share it. */
export function withXattrChecksum(block: Uint8Array, number: number, seed: number): Uint8Array {
  const copy = block.slice();
  const { offset } = xattrBlockHeader.fields.checksum;
  const place = new DataView(new ArrayBuffer(8));
  place.setUint32(0, number % 2 ** 32, true);
  place.setUint32(4, Math.floor(number / 2 ** 32), true);
  let sum = crc32c(seed, new Uint8Array(place.buffer));
  sum = crc32c(sum, copy.subarray(0, offset));
  sum = crc32c(sum, new Uint8Array(4));
  sum = crc32c(sum, copy.subarray(offset + 4, blockSizeBytes));
  viewOf(copy).setUint32(offset, sum, true);
  return copy;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
