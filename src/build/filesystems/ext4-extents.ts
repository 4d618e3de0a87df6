import { setExtentChecksum } from "./ext4-checksums.ts";
import {
  blockSizeBytes,
  extentHeader,
  extentHeaderMagic,
  extentIndex,
  extentLeaf,
  inlineBlockBytes,
} from "./ext4-format.ts";
import type { MappedExtent, Mapping } from "./ext4-mapping.ts";

const entriesInInode = (inlineBlockBytes - extentHeader.size) / extentLeaf.size;
const entriesInBlock = Math.floor((blockSizeBytes - extentHeader.size) / extentLeaf.size);

/** How many blocks the tree of so many extents takes beside the inode. */
export function countExtentBlocks(extentCount: number): number {
  return treeLevels(extentCount).reduce((sum, count) => sum + count, 0);
}

/** The extent tree's root, which is the inode's `i_block`. */
export function encodeExtentRoot({ extents, treeBlocks }: Mapping): Uint8Array {
  const levels = treeLevels(extents.length);
  if (levels.length === 0) return encodeLeaf(new Uint8Array(inlineBlockBytes), extents, entriesInInode);
  const topCount = levels.at(-1) as number;
  const children = childrenOf(extents, levels, levels.length - 1, treeBlocks);
  return encodeIndex(new Uint8Array(inlineBlockBytes), children.slice(0, topCount), entriesInInode, levels.length);
}

/** The blocks of the extent tree, in the order of `treeBlocks`. `inodeSeed`: what the inode's checksums begin with, if there are any. */
export function encodeExtentBlocks({ extents, treeBlocks }: Mapping, inodeSeed: number | undefined): Uint8Array[] {
  const levels = treeLevels(extents.length);
  return levels.flatMap((count, level) => {
    const children = level === 0 ? [] : childrenOf(extents, levels, level - 1, treeBlocks);
    return Array.from({ length: count }, (_, index) => {
      const block = new Uint8Array(blockSizeBytes);
      const from = index * entriesInBlock;
      if (level === 0) encodeLeaf(block, extents.slice(from, from + entriesInBlock), entriesInBlock);
      else encodeIndex(block, children.slice(from, from + entriesInBlock), entriesInBlock, level);
      if (inodeSeed !== undefined) setExtentChecksum(block, inodeSeed);
      return block;
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
