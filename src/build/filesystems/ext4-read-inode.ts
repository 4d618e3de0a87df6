import { fileTypeBits } from "../../core/tree.ts";
import { inodeChecksum, inodeSeed } from "./ext4-checksums.ts";
import { incompatible, inode as inodeStruct } from "./ext4-format.ts";
import { damaged, type Volume } from "./ext4-volume.ts";

/** An inode of an existing file system. */
export interface ReadInode {
  readonly number: number;
  /** With the bits of the file's type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly sizeBytes: number;
  readonly flags: number;
  /** The sixty bytes of `i_block`. */
  readonly block: Uint8Array;
  /** Block of its extended attributes; 0 for none. */
  readonly xattrBlock: number;
  /** What is behind the fields: room for extended attributes. A view. */
  readonly tail: Uint8Array;
}

const oldInodeBytes = 128;

export function readInode(volume: Volume, number: number): ReadInode {
  if (number < 1 || number > volume.inodes)
    damaged(`it refers to inode ${number}, and there are ${volume.inodes} inodes`);
  const { inodesPerGroup } = volume.superblock;
  const index = (number - 1) % inodesPerGroup;
  const table = volume.inodeTable((number - 1 - index) / inodesPerGroup);
  const raw = volume.read(table * volume.blockSizeBytes + index * volume.inodeSizeBytes, volume.inodeSizeBytes);
  const whole = raw.length >= inodeStruct.size ? raw : padded(raw);
  const fields = inodeStruct.decode(whole);
  const extraIsize = raw.length > oldInodeBytes ? fields.extraIsize : 0;
  if (oldInodeBytes + extraIsize > raw.length || extraIsize % 4 !== 0)
    damaged(`inode ${number} has ${extraIsize} extra bytes`);
  if (volume.checksumSeed !== undefined && !isChecksumRight(volume.checksumSeed, number, raw, extraIsize))
    volume.problems.add(`the checksum of inode ${number} is wrong`);

  const timeExtra = extraIsize >= 12 ? fields.modificationTimeExtra : 0;
  // Of what is no file, the upper half used to mean something else.
  const isLong = (fields.mode & 0o170000) === fileTypeBits.file || volume.flags.incompatible & incompatible.largeDir;
  const sizeBytes = fields.size + (isLong ? fields.sizeHigh * 2 ** 32 : 0);
  if (!Number.isSafeInteger(sizeBytes)) damaged(`inode ${number} is ${sizeBytes} bytes long`);
  return {
    number,
    mode: fields.mode,
    uid: fields.uid + fields.uidHigh * 2 ** 16,
    gid: fields.gid + fields.gidHigh * 2 ** 16,
    mtime: (fields.modificationTime | 0) + (timeExtra & 3) * 2 ** 32,
    sizeBytes,
    flags: fields.flags,
    block: fields.block,
    xattrBlock: fields.xattrBlock + fields.xattrBlockHigh * 2 ** 32,
    tail: raw.subarray(oldInodeBytes + extraIsize),
  };
}

function padded(raw: Uint8Array): Uint8Array {
  const whole = new Uint8Array(inodeStruct.size);
  whole.set(raw);
  return whole;
}

function isChecksumRight(seed: number, number: number, raw: Uint8Array, extraIsize: number): boolean {
  const { generation, checksum, checksumHigh } = inodeStruct.fields;
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  const hasHigh = extraIsize >= 4;
  const sum = inodeChecksum(inodeSeed(seed, number, view.getUint32(generation.offset, true)), raw, hasHigh);
  if (view.getUint16(checksum.offset, true) !== (sum & 0xffff)) return false;
  return !hasHigh || view.getUint16(checksumHigh.offset, true) === sum >>> 16;
}
