import type { BlockRun } from "./ext4-body.ts";
import {
  blockSizeBytes,
  extentHeader,
  extentHeaderMagic,
  extentIndex,
  extentLeaf,
  inlineBlockBytes,
  maxExtentBlocks,
} from "./ext4-format.ts";
import type { BlockRange, FreeSpace } from "./ext4-free-space.ts";

/** Blocks of a file that lie together on disk as in the file. */
interface MappedExtent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

/** Where a file's blocks are. */
export interface Mapping {
  readonly extents: readonly MappedExtent[];
  /** Blocks that hold the extent tree, leaves first, when the inode itself has no room for it. */
  readonly treeBlocks: readonly number[];
}

const entriesInInode = (inlineBlockBytes - extentHeader.size) / extentLeaf.size;
const entriesInBlock = Math.floor((blockSizeBytes - extentHeader.size) / extentLeaf.size);

/** Takes room for a file's runs, then for the extent tree that this needs. */
export function mapRuns(space: FreeSpace, runs: readonly BlockRun[]): Mapping {
  const extents: MappedExtent[] = [];
  for (const run of runs) pushRange(extents, run.logicalBlock, space.take(run.blocks));
  const treeCount = treeLevels(extents.length).reduce((sum, count) => sum + count, 0);
  const treeBlocks = treeCount === 0 ? [] : space.take(treeCount).flatMap(numbersOf);
  return { extents, treeBlocks };
}

/** As `mapRuns` for one run that should lie in one piece: a journal. */
export function mapTogether(space: FreeSpace, blocks: number): Mapping {
  const start = space.takeTogether(blocks);
  const extents: MappedExtent[] = [];
  pushRange(extents, 0, [{ start, end: start + blocks }]);
  return { extents, treeBlocks: [] };
}

export function countMapped(mapping: Mapping): number {
  return mapping.extents.reduce((sum, extent) => sum + extent.blocks, mapping.treeBlocks.length);
}

/** The extent tree's root, which is the inode's `i_block`. */
export function encodeExtentRoot({ extents, treeBlocks }: Mapping): Uint8Array {
  const levels = treeLevels(extents.length);
  if (levels.length === 0) return encodeLeaf(new Uint8Array(inlineBlockBytes), extents, entriesInInode);
  const topCount = levels.at(-1) as number;
  const children = childrenOf(extents, levels, levels.length - 1, treeBlocks);
  return encodeIndex(new Uint8Array(inlineBlockBytes), children.slice(0, topCount), entriesInInode, levels.length);
}

/** The blocks of the extent tree, in the order of `treeBlocks`. */
export function encodeExtentBlocks({ extents, treeBlocks }: Mapping): Uint8Array[] {
  const levels = treeLevels(extents.length);
  return levels.flatMap((count, level) => {
    const children = level === 0 ? [] : childrenOf(extents, levels, level - 1, treeBlocks);
    return Array.from({ length: count }, (_, index) => {
      const block = new Uint8Array(blockSizeBytes);
      const from = index * entriesInBlock;
      return level === 0
        ? encodeLeaf(block, extents.slice(from, from + entriesInBlock), entriesInBlock)
        : encodeIndex(block, children.slice(from, from + entriesInBlock), entriesInBlock, level);
    });
  });
}

/** How many blocks each level of the tree takes, leaves first; none while the inode holds all extents. */
function treeLevels(extentCount: number): number[] {
  const levels: number[] = [];
  for (let entries = extentCount; entries > entriesInInode; ) {
    entries = Math.ceil(entries / entriesInBlock);
    levels.push(entries);
  }
  return levels;
}

interface Child {
  readonly logicalBlock: number;
  readonly block: number;
}

/** One index entry for each block of a level: its first logical block and where it is. */
function childrenOf(
  extents: readonly MappedExtent[],
  levels: readonly number[],
  level: number,
  treeBlocks: readonly number[],
): Child[] {
  const before = levels.slice(0, level).reduce((sum, count) => sum + count, 0);
  const extentsPerChild = entriesInBlock ** (level + 1);
  return Array.from({ length: levels[level] as number }, (_, index) => ({
    logicalBlock: (extents[index * extentsPerChild] as MappedExtent).logicalBlock,
    block: treeBlocks[before + index] as number,
  }));
}

function encodeLeaf(target: Uint8Array, extents: readonly MappedExtent[], max: number): Uint8Array {
  extentHeader.encodeInto(target, 0, { magic: extentHeaderMagic, entries: extents.length, max, depth: 0 });
  for (const [index, { logicalBlock, physicalBlock, blocks }] of extents.entries())
    extentLeaf.encodeInto(target, extentHeader.size + index * extentLeaf.size, {
      logicalBlock,
      blocks,
      start: physicalBlock,
    });
  return target;
}

function encodeIndex(target: Uint8Array, children: readonly Child[], max: number, depth: number): Uint8Array {
  extentHeader.encodeInto(target, 0, { magic: extentHeaderMagic, entries: children.length, max, depth });
  for (const [index, { logicalBlock, block }] of children.entries())
    extentIndex.encodeInto(target, extentHeader.size + index * extentIndex.size, { logicalBlock, child: block });
  return target;
}

function pushRange(extents: MappedExtent[], logicalBlock: number, ranges: readonly BlockRange[]): void {
  let at = logicalBlock;
  for (const { start, end } of ranges)
    for (let from = start; from < end; from += maxExtentBlocks) {
      const blocks = Math.min(maxExtentBlocks, end - from);
      extents.push({ logicalBlock: at, physicalBlock: from, blocks });
      at += blocks;
    }
}

function numbersOf({ start, end }: BlockRange): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}
