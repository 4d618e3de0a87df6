import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { descriptorChecksum, superblockChecksum } from "./ext4-checksums.ts";
import { crc32c } from "./ext4-crc32c.ts";
import { type FeatureFlags, typeOf, unknownFeatures } from "./ext4-features.ts";
import {
  groupDescriptor,
  incompatible,
  readOnlyCompatible,
  superblock,
  superblockMagic,
  superblockOffsetBytes,
  wideGroupDescriptor,
} from "./ext4-format.ts";
import { hasSuperblock } from "./ext4-read-groups.ts";

export type Superblock = ReturnType<typeof superblock.decode>;

/** An existing file system that was opened: its arithmetic, checked, and access to its blocks. */
export interface Volume {
  readonly type: "ext2" | "ext3" | "ext4";
  readonly superblock: Superblock;
  readonly flags: FeatureFlags;
  readonly blockSizeBytes: number;
  readonly blocks: number;
  readonly groups: number;
  readonly inodeSizeBytes: number;
  readonly inodes: number;
  readonly descriptorSizeBytes: number;
  /** What checksums of metadata begin with; undefined if there are none. */
  readonly checksumSeed: number | undefined;
  readonly source: ByteSource;
  /** Some metadata; a view that must not be changed. Fails if it is not inside the file system. */
  readonly read: (offsetBytes: number, lengthBytes: number) => Uint8Array;
  /** First block of a group's inode table. */
  readonly inodeTable: (group: number) => number;
  /** What was noticed on the way. */
  readonly problems: Set<string>;
}

export function damaged(reason: string): never {
  return fail("image/damaged", `cannot read the ext4 file system: ${reason}`);
}

export function unsupported(reason: string): never {
  return fail("image/unsupported", `cannot read the ext4 file system: ${reason}`);
}

export function hasMagic(source: ByteSource): boolean {
  if (source.sizeBytes < superblockOffsetBytes + superblock.size) return false;
  const magic = new Uint8Array(2);
  source.read(magic, superblockOffsetBytes + superblock.fields.magic.offset);
  return ((magic[0] as number) | ((magic[1] as number) << 8)) === superblockMagic;
}

export function openVolume(source: ByteSource): Volume {
  const read = cachedReader(source);
  const rawSuperblock = read(superblockOffsetBytes, superblock.size);
  const values = superblock.decode(rawSuperblock);
  const dynamic = values.revision > 0;
  const flags: FeatureFlags = {
    compatible: dynamic ? values.compatibleFeatures : 0,
    incompatible: dynamic ? values.incompatibleFeatures : 0,
    readOnlyCompatible: dynamic ? values.readOnlyCompatibleFeatures : 0,
  };
  if (flags.incompatible & incompatible.journalDevice) unsupported("it is an external journal, not a file system");
  const unknown = unknownFeatures(flags);
  if (unknown.length > 0) unsupported(`it has the feature ${unknown.join(", ")}, which is not understood`);

  const wide = (flags.incompatible & incompatible.bits64) !== 0;
  const numbers = arithmeticOf(values, wide, dynamic);
  const problems = new Set<string>();
  const checksumSeed = checksumSeedOf(values, flags);
  if (checksumSeed !== undefined && superblockChecksum(rawSuperblock) !== values.checksum)
    problems.add("the checksum of its superblock is wrong");
  if (numbers.blocks * numbers.blockSizeBytes > source.sizeBytes)
    problems.add(
      `it is cut short: it should have ${numbers.blocks * numbers.blockSizeBytes} bytes, and there are ${source.sizeBytes}`,
    );

  const { blockSizeBytes, descriptorSizeBytes } = numbers;
  const tables = new Map<number, number>();
  const inodeTable = (group: number): number => {
    const known = tables.get(group);
    if (known !== undefined) return known;
    const raw = read(descriptorOffset(values, flags, numbers, group), descriptorSizeBytes);
    const low = groupDescriptor.decode(raw);
    const high = wide ? wideGroupDescriptor.decode(raw).inodeTableHigh : 0;
    const block = high * 2 ** 32 + low.inodeTable;
    if (block === 0 || block >= numbers.blocks)
      damaged(`group ${group} has its inode table at block ${block}, which does not exist`);
    if (checksumSeed !== undefined && descriptorChecksum(checksumSeed, group, raw) !== low.checksum)
      problems.add("the checksum of a group descriptor is wrong");
    tables.set(group, block);
    return block;
  };
  const readInside = (offsetBytes: number, lengthBytes: number): Uint8Array => {
    if (offsetBytes + lengthBytes > numbers.blocks * blockSizeBytes) damaged("it refers to a block past its end");
    return read(offsetBytes, lengthBytes);
  };
  const type = typeOf(flags);
  return { ...numbers, type, superblock: values, flags, checksumSeed, source, read: readInside, inodeTable, problems };
}

type Arithmetic = Pick<
  Volume,
  "blockSizeBytes" | "blocks" | "groups" | "inodeSizeBytes" | "inodes" | "descriptorSizeBytes"
>;

/** Only numbers that pass here are calculated with. */
function arithmeticOf(values: Superblock, wide: boolean, dynamic: boolean): Arithmetic {
  const { logBlockSize, blocksPerGroup, inodesPerGroup, firstDataBlock } = values;
  if (logBlockSize > 6) damaged(`its block size of 2^${logBlockSize + 10} bytes is none`);
  const blockSizeBytes = 1024 * 2 ** logBlockSize;
  const blocks = values.blocksCount + (wide ? values.blocksCountHigh * 2 ** 32 : 0);
  if (!Number.isSafeInteger(blocks * blockSizeBytes)) damaged(`it claims to have ${blocks} blocks`);
  if (firstDataBlock >= blocks) damaged(`its first block ${firstDataBlock} is not one of its ${blocks} blocks`);
  if (blocksPerGroup === 0) damaged("its groups have no blocks");
  if (inodesPerGroup === 0 || inodesPerGroup > 8 * blockSizeBytes)
    damaged(`its groups have ${inodesPerGroup} inodes each`);
  const inodeSizeBytes = dynamic ? values.inodeSize : 128;
  if (inodeSizeBytes < 128 || inodeSizeBytes > blockSizeBytes || !isPowerOfTwo(inodeSizeBytes))
    damaged(`its inodes have ${inodeSizeBytes} bytes each`);
  const descriptorSizeBytes = wide ? values.descriptorSize : groupDescriptor.size;
  if (wide && (descriptorSizeBytes < 64 || descriptorSizeBytes > 1024 || !isPowerOfTwo(descriptorSizeBytes)))
    damaged(`its group descriptors have ${descriptorSizeBytes} bytes each`);
  const groups = Math.ceil((blocks - firstDataBlock) / blocksPerGroup);
  const inodes = Math.min(groups * inodesPerGroup, 2 ** 32 - 1);
  return { blockSizeBytes, blocks, groups, inodeSizeBytes, inodes, descriptorSizeBytes };
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}

/** Descriptors follow the superblock; with `meta_bg`, those from some block on lie in the groups that they describe. */
function descriptorOffset(values: Superblock, flags: FeatureFlags, numbers: Arithmetic, group: number): number {
  const { blockSizeBytes, descriptorSizeBytes } = numbers;
  const perBlock = blockSizeBytes / descriptorSizeBytes;
  const index = Math.floor(group / perBlock);
  // With blocks of 1 KiB, block 0 is the boot loader's even where the first group begins with it (bigalloc).
  const superblockBlock = blockSizeBytes === 1024 ? 1 : 0;
  const inMetaGroup = (flags.incompatible & incompatible.metaBg) !== 0 && index >= values.firstMetaGroup;
  let block = superblockBlock + 1 + index;
  if (inMetaGroup) {
    const first = index * perBlock;
    const start = first === 0 ? superblockBlock : values.firstDataBlock + first * values.blocksPerGroup;
    block = start + (hasSuperblock(first, values, flags) ? 1 : 0);
  }
  return block * blockSizeBytes + (group % perBlock) * descriptorSizeBytes;
}

/** fs/ext4/super.c, ext4_setup_super and ext4_group_desc_csum: a seed of its own, or the UUID's checksum. */
function checksumSeedOf(values: Superblock, flags: FeatureFlags): number | undefined {
  if ((flags.readOnlyCompatible & readOnlyCompatible.metadataChecksum) === 0) return undefined;
  const own = (flags.incompatible & incompatible.checksumSeed) !== 0;
  return own ? values.checksumSeed : crc32c(0xffffffff, values.uuid);
}

const chunkBytes = 65_536;
const chunksKept = 64;

/** Reads through a few recent chunks: metadata is asked for in small pieces that lie close together. */
function cachedReader(source: ByteSource): Volume["read"] {
  const chunks = new Map<number, Uint8Array>();
  const chunk = (index: number): Uint8Array => {
    let bytes = chunks.get(index);
    if (bytes === undefined) {
      bytes = new Uint8Array(Math.min(chunkBytes, source.sizeBytes - index * chunkBytes));
      source.read(bytes, index * chunkBytes);
      if (chunks.size >= chunksKept) chunks.delete(chunks.keys().next().value as number);
    } else chunks.delete(index);
    // Last in the order of insertion: what was used longest ago goes first.
    chunks.set(index, bytes);
    return bytes;
  };
  return (offsetBytes, lengthBytes) => {
    if (!(offsetBytes >= 0 && offsetBytes + lengthBytes <= source.sizeBytes))
      damaged(`it refers to byte ${offsetBytes + lengthBytes}, and the image has ${source.sizeBytes}`);
    const first = Math.floor(offsetBytes / chunkBytes);
    const inside = offsetBytes - first * chunkBytes;
    if (inside + lengthBytes <= chunkBytes) return chunk(first).subarray(inside, inside + lengthBytes);
    const joined = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; ) {
      const at = offsetBytes + done;
      const index = Math.floor(at / chunkBytes);
      const piece = chunk(index).subarray(at - index * chunkBytes);
      const length = Math.min(piece.length, lengthBytes - done);
      joined.set(piece.subarray(0, length), done);
      done += length;
    }
    return joined;
  };
}
