import { blocksPerGroup } from "./ext4-format.ts";
import { type BlockRange, FreeSpace } from "./ext4-free-space.ts";
import { backupGroups, type Geometry } from "./ext4-geometry.ts";

/** Where every group's own metadata lies, by group number, and what room remains. */
export interface GroupTables {
  readonly blockBitmaps: Uint32Array;
  readonly inodeBitmaps: Uint32Array;
  readonly inodeTables: Uint32Array;
  /** Groups that begin with superblock, descriptors and reserved descriptor blocks; 0 is the first. */
  readonly superblockGroups: readonly number[];
  readonly free: readonly BlockRange[];
}

/**
 * Packs bitmaps and inode tables of sixteen groups at the start of the first of them, as mke2fs does (`flex_bg`), so that the others are one
 * run of free blocks; without the feature each group has its own. Inode tables go where they fit in one piece.
 */
export function placeGroupTables(geometry: Geometry): GroupTables {
  const { groups, tableBlocks } = geometry;
  const { groupsPerFlex } = geometry.traits;
  const superblockGroups = [0, ...backupGroups(groups)];
  const tables = {
    blockBitmaps: new Uint32Array(groups),
    inodeBitmaps: new Uint32Array(groups),
    inodeTables: new Uint32Array(groups),
  };
  const free: BlockRange[] = [];
  for (let first = 0; first < groups; first += groupsPerFlex) {
    const end = Math.min(groups, first + groupsPerFlex);
    const space = new FreeSpace(bareRanges(geometry, superblockGroups, first, end), geometry.blocks);
    for (let group = first; group < end; group++) tables.blockBitmaps[group] = space.takeTogether(1);
    for (let group = first; group < end; group++) tables.inodeBitmaps[group] = space.takeTogether(1);
    for (let group = first; group < end; group++) tables.inodeTables[group] = space.takeTogether(tableBlocks);
    if (space.missingBlocks > 0) throw new Error(`inode tables of groups ${first} to ${end - 1} have no room`);
    for (const range of space.left()) appendRange(free, range);
  }
  return { ...tables, superblockGroups, free };
}

/** The blocks of some groups without their superblocks and descriptors. */
function bareRanges(geometry: Geometry, superblockGroups: readonly number[], first: number, end: number): BlockRange[] {
  const headBlocks = 1 + geometry.descriptorBlocks + geometry.reservedDescriptorBlocks;
  const ranges: BlockRange[] = [];
  let start = first * blocksPerGroup;
  for (const group of superblockGroups) {
    if (group < first || group >= end) continue;
    appendRange(ranges, { start, end: group * blocksPerGroup });
    start = group * blocksPerGroup + headBlocks;
  }
  appendRange(ranges, { start, end: Math.min(end * blocksPerGroup, geometry.blocks) });
  return ranges;
}

function appendRange(ranges: BlockRange[], { start, end }: BlockRange): void {
  const last = ranges.at(-1);
  if (start >= end) return;
  if (last?.end === start) ranges[ranges.length - 1] = { start: last.start, end };
  else ranges.push({ start, end });
}
