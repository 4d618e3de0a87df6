import {
  extentHeader,
  extentHeaderMagic,
  extentIndex,
  extentLeaf,
  inodeFlags,
  maxExtentBlocks,
} from "./ext4-format.ts";
import type { ReadInode } from "./ext4-read-inode.ts";
import { damaged, type Volume } from "./ext4-volume.ts";

/** Blocks of a file that lie together on disk as in the file, and hold data. What lies between runs reads as zero. */
export interface MappedRun {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

/** As much of an inode as tells where its blocks are. */
export type MappedInode = Pick<ReadInode, "number" | "flags" | "sizeBytes" | "block">;

/** Where an inode's blocks are, ascending. Blocks that are allocated but were never written are left out. */
export function mapInode(volume: Volume, inode: MappedInode): MappedRun[] {
  const runs = new Runs(volume, inode);
  if ((inode.flags & inodeFlags.extents) !== 0) walkExtents(runs, inode.block, undefined);
  else walkIndirect(runs, inode);
  return runs.list;
}

/** The kernel's limit (fs/ext4/ext4_extents.h, EXT4_MAX_EXTENT_DEPTH). */
const maxDepth = 5;

class Runs {
  readonly list: MappedRun[] = [];
  readonly #volume: Volume;
  readonly #inode: MappedInode;
  /** Blocks of the map itself: one that comes twice would be a circle, or grow without bound. */
  readonly #seen = new Set<number>();
  nextLogical = 0;

  constructor(volume: Volume, inode: MappedInode) {
    this.#volume = volume;
    this.#inode = inode;
  }

  get blockSizeBytes(): number {
    return this.#volume.blockSizeBytes;
  }

  add(logicalBlock: number, physicalBlock: number, blocks: number): void {
    if (physicalBlock + blocks > this.#volume.blocks) this.damaged(`refers to block ${physicalBlock}`);
    const last = this.list.at(-1);
    if (
      last !== undefined &&
      last.logicalBlock + last.blocks === logicalBlock &&
      last.physicalBlock + last.blocks === physicalBlock
    )
      this.list[this.list.length - 1] = { ...last, blocks: last.blocks + blocks };
    else this.list.push({ logicalBlock, physicalBlock, blocks });
  }

  /** A block of the map. */
  node(block: number): Uint8Array {
    if (this.#seen.has(block)) this.damaged(`refers to block ${block} of its map twice`);
    this.#seen.add(block);
    if (block === 0 || block >= this.#volume.blocks) this.damaged(`refers to block ${block}`);
    return this.#volume.read(block * this.blockSizeBytes, this.blockSizeBytes);
  }

  damaged(what: string): never {
    return damaged(`inode ${this.#inode.number} ${what}, which cannot be`);
  }
}

function walkExtents(runs: Runs, node: Uint8Array, expectedDepth: number | undefined): void {
  const { magic, entries, max, depth } = extentHeader.decode(node);
  const room = Math.floor((node.length - extentHeader.size) / extentLeaf.size);
  if (magic !== extentHeaderMagic || entries > max || entries > room) runs.damaged("has extents without a header");
  if (depth > maxDepth || (expectedDepth !== undefined && depth !== expectedDepth))
    runs.damaged(`has extents at depth ${depth}`);
  for (let index = 0; index < entries; index++) {
    const at = extentHeader.size + index * extentLeaf.size;
    if (depth > 0) {
      const { logicalBlock, child, childHigh } = extentIndex.decode(node, at);
      if (logicalBlock < runs.nextLogical) runs.damaged("has extents out of order");
      walkExtents(runs, runs.node(childHigh * 2 ** 32 + child), depth - 1);
      continue;
    }
    const leaf = extentLeaf.decode(node, at);
    const written = leaf.blocks <= maxExtentBlocks;
    const blocks = written ? leaf.blocks : leaf.blocks - maxExtentBlocks;
    if (blocks === 0 || leaf.logicalBlock < runs.nextLogical) runs.damaged("has extents out of order");
    runs.nextLogical = leaf.logicalBlock + blocks;
    if (written) runs.add(leaf.logicalBlock, leaf.startHigh * 2 ** 32 + leaf.start, blocks);
  }
}

const directBlocks = 12;

/** ext2's map: twelve blocks, then a block of block numbers, then one of such blocks, then one of those. */
function walkIndirect(runs: Runs, inode: MappedInode): void {
  const end = Math.ceil(inode.sizeBytes / runs.blockSizeBytes);
  const root = viewOf(inode.block);
  for (let index = 0; index < Math.min(directBlocks, end); index++) {
    const block = root.getUint32(index * 4, true);
    if (block !== 0) runs.add(index, block, 1);
  }
  const perBlock = runs.blockSizeBytes / 4;
  let logical = directBlocks;
  for (let level = 1; level <= 3; level++) {
    const block = root.getUint32((directBlocks - 1 + level) * 4, true);
    if (block !== 0 && logical < end) walkIndirectBlock(runs, block, level, logical, end);
    logical += perBlock ** level;
  }
}

function walkIndirectBlock(runs: Runs, block: number, level: number, logical: number, end: number): void {
  const perBlock = runs.blockSizeBytes / 4;
  const step = perBlock ** (level - 1);
  const node = viewOf(runs.node(block));
  for (let index = 0; index < perBlock; index++) {
    const at = logical + index * step;
    if (at >= end) return;
    const child = node.getUint32(index * 4, true);
    if (child === 0) continue;
    if (level === 1) runs.add(at, child, 1);
    else walkIndirectBlock(runs, child, level - 1, at, end);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
