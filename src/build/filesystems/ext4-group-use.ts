import { fileTypeBits } from "../../core/tree.ts";
import { blockSizeBytes, blocksPerGroup } from "./ext4-format.ts";
import type { BlockRange } from "./ext4-free-space.ts";
import type { Geometry } from "./ext4-geometry.ts";
import type { Inode, InodePlan } from "./ext4-inodes.ts";

/** What of a group is taken: the counts of its descriptor and the source of its bitmaps. */
export interface GroupUse {
  /** Free blocks inside the group, as offsets from its start. */
  readonly free: readonly BlockRange[];
  readonly freeBlocks: number;
  /** Inodes are used from the group's first on. */
  readonly usedInodes: number;
  readonly freeInodes: number;
  readonly directories: number;
}

export function groupUses(geometry: Geometry, free: readonly BlockRange[], plan: InodePlan): GroupUse[] {
  const { groups, inodesPerGroup } = geometry;
  const directories = countDirectories(plan.inodes, groups, inodesPerGroup);
  const byGroup = splitByGroup(free, groups);
  return byGroup.map((ranges, group) => {
    const usedInodes = Math.min(inodesPerGroup, Math.max(0, plan.lastInode - group * inodesPerGroup));
    return {
      free: ranges,
      freeBlocks: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
      usedInodes,
      freeInodes: inodesPerGroup - usedInodes,
      directories: directories[group] as number,
    };
  });
}

/** A set bit is a block in use; blocks past the end of the file system count as used. */
export function fillBlockBitmap(target: Uint8Array, use: GroupUse): void {
  target.fill(0xff);
  for (const { start, end } of use.free) setBits(target, start, end, false);
}

/** A set bit is an inode in use; bits past the group's last inode are set. */
export function fillInodeBitmap(target: Uint8Array, use: GroupUse): void {
  target.fill(0);
  setBits(target, 0, use.usedInodes, true);
  setBits(target, use.usedInodes + use.freeInodes, 8 * blockSizeBytes, true);
}

function setBits(target: Uint8Array, start: number, end: number, value: boolean): void {
  const firstWhole = Math.ceil(start / 8);
  const endWhole = Math.floor(end / 8);
  const setBit = (bit: number): void => {
    const mask = 1 << (bit % 8);
    const byte = target[bit >>> 3] as number;
    target[bit >>> 3] = value ? byte | mask : byte & ~mask;
  };
  for (let bit = start; bit < Math.min(end, firstWhole * 8); bit++) setBit(bit);
  if (firstWhole > endWhole) return;
  target.fill(value ? 0xff : 0, firstWhole, endWhole);
  for (let bit = Math.max(start, endWhole * 8); bit < end; bit++) setBit(bit);
}

function splitByGroup(free: readonly BlockRange[], groups: number): BlockRange[][] {
  const byGroup: BlockRange[][] = Array.from({ length: groups }, () => []);
  for (const { start, end } of free)
    for (let from = start; from < end; ) {
      const group = Math.floor(from / blocksPerGroup);
      const base = group * blocksPerGroup;
      const to = Math.min(end, base + blocksPerGroup);
      byGroup[group]?.push({ start: from - base, end: to - base });
      from = to;
    }
  return byGroup;
}

function countDirectories(inodes: readonly Inode[], groups: number, inodesPerGroup: number): Uint32Array {
  const counts = new Uint32Array(groups);
  for (const { number, mode } of inodes) {
    if ((mode & 0o170000) !== fileTypeBits.directory) continue;
    const group = Math.floor((number - 1) / inodesPerGroup);
    counts[group] = (counts[group] as number) + 1;
  }
  return counts;
}
