import type { Field } from "../../core/struct.ts";
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
  // Field by field: there are many inodes, and most fields do not matter here.
  const view = new DataView(whole.buffer, whole.byteOffset, inodeStruct.size);
  const take = <T>(field: Field<T>): T => field.take(view, field.offset, true);
  const f = inodeStruct.fields;
  const extraIsize = raw.length > oldInodeBytes ? take(f.extraIsize) : 0;
  if (oldInodeBytes + extraIsize > raw.length || extraIsize % 4 !== 0)
    damaged(`inode ${number} has ${extraIsize} extra bytes`);
  if (volume.checksumSeed !== undefined && !isChecksumRight(volume.checksumSeed, number, raw, extraIsize))
    volume.problems.add(`the checksum of inode ${number} is wrong`);

  const mode = take(f.mode);
  const timeExtra = extraIsize >= 12 ? take(f.modificationTimeExtra) : 0;
  // Of what is no file, the upper half used to mean something else.
  const isLong = (mode & 0o170000) === fileTypeBits.file || volume.flags.incompatible & incompatible.largeDir;
  const sizeBytes = take(f.size) + (isLong ? take(f.sizeHigh) * 2 ** 32 : 0);
  if (!Number.isSafeInteger(sizeBytes)) damaged(`inode ${number} is ${sizeBytes} bytes long`);
  return {
    number,
    mode,
    uid: take(f.uid) + take(f.uidHigh) * 2 ** 16,
    gid: take(f.gid) + take(f.gidHigh) * 2 ** 16,
    mtime: (take(f.modificationTime) | 0) + (timeExtra & 3) * 2 ** 32,
    sizeBytes,
    flags: take(f.flags),
    block: take(f.block),
    xattrBlock: take(f.xattrBlock) + take(f.xattrBlockHigh) * 2 ** 32,
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
