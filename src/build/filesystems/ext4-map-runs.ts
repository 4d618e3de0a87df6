import type { BlockRun } from "./ext4-body.ts";
import { countExtentBlocks, encodeExtentBlocks, encodeExtentRoot } from "./ext4-extents.ts";
import { maxExtentBlocks } from "./ext4-format.ts";
import type { BlockRange, FreeSpace } from "./ext4-free-space.ts";
import { countIndirectBlocks, encodeIndirectBlocks, encodeIndirectRoot } from "./ext4-indirect.ts";
import type { MappedExtent, Mapping } from "./ext4-mapping.ts";

/** Takes room for a file's runs, then for the map that this needs. */
export function mapRuns(space: FreeSpace, runs: readonly BlockRun[], asExtents: boolean): Mapping {
  const extents: MappedExtent[] = [];
  for (const run of runs) pushRange(extents, run.logicalBlock, space.take(run.blocks));
  return withTree(space, extents, asExtents);
}

/** As `mapRuns` for one run that should lie in one piece: a journal. */
export function mapTogether(space: FreeSpace, blocks: number, asExtents: boolean): Mapping {
  const start = space.takeTogether(blocks);
  const extents: MappedExtent[] = [];
  pushRange(extents, 0, [{ start, end: start + blocks }]);
  return withTree(space, extents, asExtents);
}

/** The inode's `i_block`. */
export function encodeMappingRoot(mapping: Mapping): Uint8Array {
  return mapping.asExtents ? encodeExtentRoot(mapping) : encodeIndirectRoot(mapping);
}

/** What goes to `treeBlocks`, in their order. `inodeSeed`: what the inode's checksums begin with, if there are any. */
export function encodeMappingBlocks(mapping: Mapping, inodeSeed: number | undefined): Uint8Array[] {
  return mapping.asExtents ? encodeExtentBlocks(mapping, inodeSeed) : encodeIndirectBlocks(mapping);
}

function withTree(space: FreeSpace, extents: readonly MappedExtent[], asExtents: boolean): Mapping {
  const treeCount = asExtents ? countExtentBlocks(extents.length) : countIndirectBlocks(extents);
  const treeBlocks = treeCount === 0 ? [] : space.take(treeCount).flatMap(numbersOf);
  return { extents, treeBlocks, asExtents };
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
