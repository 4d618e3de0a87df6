import { fail } from "../core/errors.ts";
import type { PartitionTable, PlannedPartition } from "./partitions/partition-table.ts";

/** Where everything is on the disk. */
export interface DiskLayout {
  readonly diskSizeBytes: number;
  readonly partitions: readonly PlannedPartition[];
  /** The root file system's partition, one of the above. */
  readonly root: PlannedPartition;
  /** Behind the table and before the first partition: where BIOS boot code goes. */
  readonly gap: { readonly startBytes: number; readonly endBytes: number };
}

export interface LayoutRequest {
  readonly table: Pick<PartitionTable, "reserved">;
  /** What the root file system needs at least. */
  readonly rootNeedsBytes: number;
  /** Size of the disk; without it, as small as the root allows. */
  readonly diskSizeBytes?: number | undefined;
}

/** Partitions start at multiples of this, as every tool has done since 2010, and disks are whole numbers of it: VHD and clouds want that. */
const alignBytes = 1024 ** 2;

/**
 * Lays the disk out: boot code in the first MiB, then the root, which is last so that it can grow. For a disk of fixed size, lay out first
 * with the least the root can be, then plan a file system of exactly `root.sizeBytes`. For an automatic one, plan the file system first.
 *
 * Errors: `image/disk-too-small`, which says how large the disk must be.
 */
export function layoutDisk({ table, rootNeedsBytes, diskSizeBytes }: LayoutRequest): DiskLayout {
  const startBytes = alignUp(table.reserved.startBytes);
  const neededBytes = alignUp(alignUp(startBytes + rootNeedsBytes) + table.reserved.endBytes);
  const sizeBytes = diskSizeBytes === undefined ? neededBytes : alignUp(diskSizeBytes);
  if (sizeBytes < neededBytes)
    fail(
      "image/disk-too-small",
      `cannot fit the root file system on a disk of ${inMiB(sizeBytes)}: it needs ${inMiB(neededBytes)}`,
      { hint: `set disk.size to ${inMiB(neededBytes)} or more, or to auto` },
    );
  const endBytes = sizeBytes - table.reserved.endBytes;
  const root: PlannedPartition = {
    number: 1,
    startBytes,
    sizeBytes: endBytes - (endBytes % alignBytes) - startBytes,
    kind: "linux",
    bootable: true,
    name: "root",
  };
  return {
    diskSizeBytes: sizeBytes,
    partitions: [root],
    root,
    gap: { startBytes: table.reserved.startBytes, endBytes: startBytes },
  };
}

function alignUp(bytes: number): number {
  return Math.ceil(bytes / alignBytes) * alignBytes;
}

function inMiB(bytes: number): string {
  return `${bytes / alignBytes}MiB`;
}
