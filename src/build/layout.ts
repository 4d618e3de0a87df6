import { fail } from "../core/errors.ts";
import type { PartitionTable, PlannedPartition } from "./partitions/partition-table.ts";

/** A partition before its place is known. */
export interface WantedPartition extends Omit<PlannedPartition, "startBytes" | "sizeBytes"> {
  /** The least it can have; rounded up to whole MiB. */
  readonly sizeBytes: number;
}

/** Where everything is on the disk. */
export interface DiskLayout {
  readonly diskSizeBytes: number;
  /** As they lie on the disk. */
  readonly partitions: readonly PlannedPartition[];
  /** Behind the table and before the first partition: where BIOS boot code goes on an MBR disk. */
  readonly gap: { readonly startBytes: number; readonly endBytes: number };
}

export interface LayoutRequest {
  readonly table: Pick<PartitionTable, "reserved">;
  /** As they shall lie on the disk. The last one gets all that is left, and can grow with the disk. */
  readonly partitions: readonly WantedPartition[];
  /** Size of the disk; without it, as small as the partitions allow. */
  readonly diskSizeBytes?: number | undefined;
}

/** Partitions start at multiples of this, as every tool has done since 2010, and disks are whole numbers of it: VHD and clouds want that. */
export const alignBytes = 1024 ** 2;

/**
 * Lays the disk out, one partition behind the other. Without a table, the one "partition" is the disk.
 *
 * Errors: `image/disk-too-small`, which says how large the disk must be.
 */
export function layoutDisk({ table, partitions, diskSizeBytes }: LayoutRequest): DiskLayout {
  const firstBytes = alignUp(table.reserved.startBytes);
  let atBytes = firstBytes;
  const placed = partitions.map((partition): PlannedPartition => {
    const startBytes = atBytes;
    const sizeBytes = alignUp(partition.sizeBytes);
    atBytes += sizeBytes;
    return { ...partition, startBytes, sizeBytes };
  });
  const neededBytes = alignUp(atBytes + table.reserved.endBytes);
  const sizeBytes = diskSizeBytes === undefined ? neededBytes : alignUp(diskSizeBytes);
  if (sizeBytes < neededBytes)
    fail(
      "image/disk-too-small",
      `cannot fit the ${partitions.length === 1 ? "root file system" : "partitions"} on a disk of ${inMiB(sizeBytes)}: ${partitions.length === 1 ? "it needs" : "they need"} ${inMiB(neededBytes)}`,
      { hint: `set disk.size to ${inMiB(neededBytes)} or more, or to auto` },
    );
  const last = placed.at(-1);
  const endBytes = sizeBytes - table.reserved.endBytes;
  if (last !== undefined)
    placed[placed.length - 1] = { ...last, sizeBytes: endBytes - (endBytes % alignBytes) - last.startBytes };
  return {
    diskSizeBytes: sizeBytes,
    partitions: placed,
    gap: { startBytes: table.reserved.startBytes, endBytes: firstBytes },
  };
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / alignBytes) * alignBytes;
}

function inMiB(bytes: number): string {
  return `${bytes / alignBytes}MiB`;
}
