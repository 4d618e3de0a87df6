import { fileTypeBits } from "../../core/tree.ts";
import { countRunBlocks } from "./ext4-body.ts";
import { type BlockRange, countBlocks, FreeSpace } from "./ext4-free-space.ts";
import { type Geometry, kernelReserveBlocks } from "./ext4-geometry.ts";
import { type GroupTables, placeGroupTables } from "./ext4-groups.ts";
import type { InodePlan } from "./ext4-inodes.ts";
import { mapRuns, mapTogether } from "./ext4-map-runs.ts";
import type { Mapping } from "./ext4-mapping.ts";

/** The place of everything in a file system of one size. */
export interface Layout {
  readonly geometry: Geometry;
  readonly tables: GroupTables;
  /** Undefined without one. */
  readonly journal: Mapping | undefined;
  readonly journalBlocks: number;
  /** The resize inode's double-indirect block; undefined without such an inode. */
  readonly resizeBlock: number | undefined;
  /** By position in `InodePlan.inodes`; undefined for inodes without blocks. */
  readonly mappings: readonly (Mapping | undefined)[];
  /** By position in `InodePlan.xattrBlocks`. */
  readonly xattrBlocks: readonly number[];
  readonly free: readonly BlockRange[];
  readonly freeBlocks: number;
}

/**
 * Places everything one after the other: journal, directories, attributes, then files in the order of the tree. Returns the number of blocks
 * that are missing if it does not fit.
 */
export function placeAll(geometry: Geometry, journalBlocks: number, plan: InodePlan): Layout | number {
  const missing = geometry.overheadBlocks + leastDataBlocks(plan, journalBlocks) - geometry.blocks;
  if (missing > 0) return missing;

  const tables = placeGroupTables(geometry);
  const space = new FreeSpace(tables.free, geometry.blocks);
  const { extents, resizeInode } = plan.traits;
  const journal = journalBlocks === 0 ? undefined : mapTogether(space, journalBlocks, extents);
  const resizeBlock = resizeInode ? takeOne(space) : undefined;
  const mappings: (Mapping | undefined)[] = plan.inodes.map(() => undefined);
  const place = (directories: boolean): void => {
    for (const [index, { body, mode }] of plan.inodes.entries())
      if (body !== undefined && ((mode & typeMask) === fileTypeBits.directory) === directories)
        mappings[index] = mapRuns(space, body.runs, extents);
  };
  place(true);
  const xattrBlocks = plan.xattrBlocks.map(() => takeOne(space));
  place(false);
  if (space.missingBlocks > 0) return space.missingBlocks;
  const free = space.left();
  return {
    geometry,
    tables,
    journal,
    journalBlocks,
    resizeBlock,
    mappings,
    xattrBlocks,
    free,
    freeBlocks: countBlocks(free),
  };
}

/** Free for the files of the booted system: without what the kernel keeps for itself. */
export function usableBlocks({ freeBlocks, geometry }: Layout): number {
  return Math.max(0, freeBlocks - kernelReserveBlocks(geometry));
}

/** Blocks of everything that is not a group's own metadata, if no file needs a block for its map. */
export function leastDataBlocks(plan: InodePlan, journalBlocks: number): number {
  const bodies = plan.inodes.reduce((sum, { body }) => sum + (body === undefined ? 0 : countRunBlocks(body.runs)), 0);
  return journalBlocks + (plan.traits.resizeInode ? 1 : 0) + plan.xattrBlocks.length + bodies;
}

const typeMask = 0o170000;

function takeOne(space: FreeSpace): number {
  return (space.take(1)[0] as BlockRange).start;
}
