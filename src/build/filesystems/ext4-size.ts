import { blockSizeBytes, blocksPerGroup, maxInodesPerGroup } from "./ext4-format.ts";
import {
  geometryOf,
  journalBlocksFor,
  journalChoices,
  kernelReserveBlocks,
  leastBlocksWith,
  leastJournalBlocks,
  maxBlocks,
} from "./ext4-geometry.ts";
import type { InodePlan } from "./ext4-inodes.ts";
import { type Layout, leastDataBlocks, placeAll } from "./ext4-layout.ts";

/** Inodes that must be there: those in use and a few for the booted system, whatever the size. */
function neededInodes({ lastInode }: InodePlan): number {
  return lastInode + Math.max(64, Math.ceil(lastInode / 8));
}

/** The layout in a file system of at most `blocks`, or undefined if it is too small. A smaller journal is better than no file system. */
export function layOutExactly(plan: InodePlan, blocks: number): Layout | undefined {
  const geometry = geometryOf(plan.traits, blocks, neededInodes(plan));
  if (geometry === undefined) return undefined;
  for (const journalBlocks of journalChoices(plan.traits, geometry.blocks)) {
    const layout = placeAll(geometry, journalBlocks, plan);
    if (typeof layout === "object") return layout;
  }
  return undefined;
}

/** The smallest layout with so much room for the booted system's files and a journal of the usual size. */
export function layOutWithFree(plan: InodePlan, freeBytes: number): Layout | undefined {
  return smallestLayout(plan, Math.ceil(freeBytes / blockSizeBytes), (blocks) => journalBlocksFor(plan.traits, blocks));
}

/** The smallest layout at all. Undefined if even the largest file system is too small. */
export function layOutSmallest(plan: InodePlan): Layout | undefined {
  return smallestLayout(plan, 0, () => leastJournalBlocks(plan.traits));
}

/**
 * Starts below the answer and adds what is missing until nothing is. A block more of size never gives more than a block more of free
 * space (unless a last group stops being dropped, which is stepped over exactly), so the first size that suffices is the smallest.
 */
function smallestLayout(
  plan: InodePlan,
  freeBlocks: number,
  journalBlocksOf: (blocks: number) => number,
): Layout | undefined {
  const { traits } = plan;
  const inodes = neededInodes(plan);
  let blocks = Math.max(
    leastBlocksWith(traits, Math.ceil(inodes / maxInodesPerGroup), inodes),
    leastDataBlocks(plan, leastJournalBlocks(traits)) + freeBlocks,
  );
  while (blocks <= maxBlocks) {
    const geometry = geometryOf(traits, blocks, inodes);
    if (geometry === undefined || geometry.blocks < blocks) {
      const groups = Math.ceil(blocks / blocksPerGroup);
      blocks = Math.max(blocks, leastBlocksWith(traits, groups, inodes));
      if (geometryOf(traits, blocks, inodes)?.blocks !== blocks) throw new Error(`no geometry for ${blocks} blocks`);
      continue;
    }
    const wanted = freeBlocks === 0 ? 0 : freeBlocks + kernelReserveBlocks(geometry);
    const journalBlocks = journalBlocksOf(geometry.blocks);
    const least = geometry.overheadBlocks + leastDataBlocks(plan, journalBlocks) + wanted;
    if (least > blocks) {
      blocks = least;
      continue;
    }
    const layout = placeAll(geometry, journalBlocks, plan);
    const missing = typeof layout === "number" ? layout : wanted - layout.freeBlocks;
    if (missing <= 0) return layout as Layout;
    blocks += missing;
  }
  return undefined;
}
