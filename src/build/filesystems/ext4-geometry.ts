import { blockSizeBytes, blocksPerGroup, inodesPerBlock, maxInodesPerGroup } from "./ext4-format.ts";
import { descriptorsPerBlock, type Traits } from "./ext4-traits.ts";

/** The arithmetic of a file system of a certain size: how many groups, inodes and blocks of metadata; nothing is placed yet. */
export interface Geometry {
  readonly traits: Traits;
  readonly blocks: number;
  readonly groups: number;
  readonly inodesPerGroup: number;
  /** Blocks of one group's inode table. */
  readonly tableBlocks: number;
  readonly descriptorBlocks: number;
  /** Kept free behind the descriptors, in every group with a superblock, so that the kernel can add groups while mounted. */
  readonly reservedDescriptorBlocks: number;
  /** Superblocks, descriptors, bitmaps and inode tables of all groups. */
  readonly overheadBlocks: number;
}

/** Growing must be possible to at least this size, and to at least twice the size at the start. */
const growToBlocks = 2 ** 41 / blockSizeBytes;
/** The resize inode's double-indirect block has room for this many. */
const maxDescriptorBlocks = 1024;
/** As mke2fs: one inode for each 16 KiB. */
const blocksPerInode = 16_384 / blockSizeBytes;
/** As mke2fs and the kernel: a last group must offer this much beyond its own metadata. */
const leastUsefulBlocks = 50;
/** 32-bit block numbers. */
export const maxBlocks = 2 ** 32 - 1;

/**
 * A last group too small for its own metadata is dropped, so the result may be smaller than asked.
 * Undefined if there are too few groups for so many inodes.
 */
export function geometryOf(traits: Traits, blocks: number, neededInodes: number): Geometry | undefined {
  const groups = Math.ceil(blocks / blocksPerGroup);
  const inodesPerGroup = inodesPerGroupOf(blocks, groups, neededInodes);
  if (inodesPerGroup > maxInodesPerGroup) return undefined;
  const lastGroupBlocks = blocks - (groups - 1) * blocksPerGroup;
  if (groups > 1 && lastGroupBlocks < leastLastGroupBlocks(traits, groups, neededInodes))
    return geometryOf(traits, (groups - 1) * blocksPerGroup, neededInodes);

  const tableBlocks = inodesPerGroup / inodesPerBlock;
  const { descriptorBlocks, reservedDescriptorBlocks } = descriptorBlocksOf(traits, groups);
  const superblocks = 1 + backupGroups(groups).length;
  return {
    traits,
    blocks,
    groups,
    inodesPerGroup,
    tableBlocks,
    descriptorBlocks,
    reservedDescriptorBlocks,
    overheadBlocks: groups * (2 + tableBlocks) + superblocks * (1 + descriptorBlocks + reservedDescriptorBlocks),
  };
}

/** How far the kernel can grow it with the descriptor blocks that are there or reserved. */
export function growthLimitBytes({ traits, descriptorBlocks, reservedDescriptorBlocks }: Geometry): number {
  return (descriptorBlocks + reservedDescriptorBlocks) * descriptorsPerBlock(traits) * blocksPerGroup * blockSizeBytes;
}

/** The smallest size with at least this many groups whose last group is not dropped. */
export function leastBlocksWith(traits: Traits, groups: number, neededInodes: number): number {
  if (groups <= 1) return 1;
  return (groups - 1) * blocksPerGroup + leastLastGroupBlocks(traits, groups, neededInodes);
}

/** Groups with copies of superblock and descriptors under `sparse_super`, beside group 0: 1 and the powers of 3, 5 and 7. */
export function backupGroups(groups: number): number[] {
  const found = groups > 1 ? [1] : [];
  for (const base of [3, 5, 7]) for (let power = base; power < groups; power *= base) found.push(power);
  return found.sort((a, b) => a - b);
}

/** The journal's size for a file system: from 4 MiB to 64 MiB, as mke2fs (e2fsprogs 1.47) chooses in this range. */
export function journalBlocksFor(traits: Traits, blocks: number): number {
  if (!traits.journal) return 0;
  return journalSteps.find((step) => blocks >= step.fromBlocks)?.journalBlocks ?? minJournalBlocks;
}

/** The smallest journal that the kernel takes, if there is to be one. */
export function leastJournalBlocks(traits: Traits): number {
  return traits.journal ? minJournalBlocks : 0;
}

/** JBD2_MIN_JOURNAL_BLOCKS. */
const minJournalBlocks = 1024;
const journalSteps = [
  { fromBlocks: 2 ** 19, journalBlocks: 16_384 },
  { fromBlocks: 2 ** 18, journalBlocks: 8192 },
  { fromBlocks: 2 ** 15, journalBlocks: 4096 },
];

/** Journal sizes that may be tried, the best first: a file system of exact size with little room takes a smaller journal. */
export function journalChoices(traits: Traits, blocks: number): number[] {
  const best = journalBlocksFor(traits, blocks);
  return best === 0 ? [0] : [16_384, 8192, 4096, 2048, minJournalBlocks].filter((choice) => choice <= best);
}

/**
 * What the kernel withholds from everybody, root too, for the metadata of delayed writes (fs/ext4/super.c, ext4_calculate_resv_clusters):
 * a fiftieth, at most 4096 blocks, if files have extents. `df` subtracts it, so we do.
 */
export function kernelReserveBlocks({ traits, blocks }: Geometry): number {
  if (!traits.extents) return 0;
  return Math.min(4096, Math.floor(blocks / 50));
}

function inodesPerGroupOf(blocks: number, groups: number, neededInodes: number): number {
  const usual = Math.min(blocks, blocksPerGroup) / blocksPerInode;
  const wanted = Math.max(usual, neededInodes / groups);
  return Math.ceil(wanted / inodesPerBlock) * inodesPerBlock;
}

function leastLastGroupBlocks(traits: Traits, groups: number, neededInodes: number): number {
  const tableBlocks = inodesPerGroupOf(groups * blocksPerGroup, groups, neededInodes) / inodesPerBlock;
  const { descriptorBlocks, reservedDescriptorBlocks } = descriptorBlocksOf(traits, groups);
  const hasSuperblock = backupGroups(groups).includes(groups - 1);
  return 2 + tableBlocks + (hasSuperblock ? 1 + descriptorBlocks + reservedDescriptorBlocks : 0) + leastUsefulBlocks;
}

function descriptorBlocksOf(
  traits: Traits,
  groups: number,
): { descriptorBlocks: number; reservedDescriptorBlocks: number } {
  const perBlock = descriptorsPerBlock(traits);
  const descriptorBlocks = Math.ceil(groups / perBlock);
  if (!traits.resizeInode) return { descriptorBlocks, reservedDescriptorBlocks: 0 };
  const forGrowth = growToBlocks / blocksPerGroup / perBlock;
  const wanted = Math.max(forGrowth, Math.min(2 * descriptorBlocks, maxDescriptorBlocks));
  return { descriptorBlocks, reservedDescriptorBlocks: Math.max(0, wanted - descriptorBlocks) };
}
