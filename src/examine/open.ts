import type { ReadImage } from "../build/disk-formats/image-reader.ts";
import { openImage } from "../build/disk-formats/open-image.ts";
import type { ReadPartition, ReadTable } from "../build/partitions/partition-table.ts";
import { readPartitionTable } from "../build/partitions/registry.ts";
import { sliceSource } from "../core/byte-source.ts";
import { overlapsOf } from "./overlaps.ts";
import { openVolume, type Volume } from "./volume.ts";

/** A partition of somebody's disk, and what is in it. */
export interface ExaminedPartition extends ReadPartition {
  /** Undefined if it reaches past the end of the disk. */
  readonly volume: Volume | undefined;
}

/** An image of any format, opened to look inside. Nothing but its tables has been read. */
export interface ExaminedImage {
  readonly path: string;
  /** Of the file itself. */
  readonly fileBytes: number;
  readonly image: ReadImage;
  /** Undefined if there is none, or if it is empty and the whole disk is one file system. */
  readonly table: ReadTable | undefined;
  /** In the table's order. */
  readonly partitions: readonly ExaminedPartition[];
  /** The file system on the whole disk, if there is one. A bootable ISO has it besides a table. */
  readonly whole: Volume | undefined;
  close(): void;
}

/** Containers of logical partitions: what is in them is listed itself. */
const containerTypes: readonly string[] = ["0x05", "0x0f", "0x85"];

/**
 * Opens an image file: format, partition table, and what is in each partition, of which the contents are read when they are asked for.
 *
 * Errors: `image/not-found`, `image/not-an-image`, `image/damaged`, `image/unsupported`.
 */
export function examineImage(path: string, options: { readonly format?: string | undefined } = {}): ExaminedImage {
  const image = openImage(path, options);
  try {
    const { disk } = image;
    const wholeDisk = openVolume(disk, undefined);
    const found = readPartitionTable(disk);
    const isWhole = wholeDisk.kind !== undefined && (found === undefined || found.partitions.length === 0);
    const table = isWhole || found === undefined ? undefined : withOverlaps(found, wholeDisk.kind === "iso9660");
    const partitions = (table?.partitions ?? []).map((partition): ExaminedPartition => {
      const { startBytes, sizeBytes, type } = partition;
      const isInside = sizeBytes > 0 && startBytes + sizeBytes <= disk.sizeBytes && !containerTypes.includes(type);
      const volume = isInside ? openVolume(sliceSource(disk, startBytes, sizeBytes), partition) : undefined;
      return { ...partition, volume };
    });
    // A CD's first partition may be the CD itself: that is told once.
    const isPartition = partitions.some(({ startBytes, volume }) => startBytes === 0 && volume?.kind === "iso9660");
    const hasWhole = isWhole || (wholeDisk.kind === "iso9660" && !isPartition);
    return {
      ...{ path, fileBytes: image.fileBytes, image, table, partitions },
      whole: hasWhole || table === undefined ? wholeDisk : undefined,
      close: () => image.close(),
    };
  } catch (error) {
    image.close();
    throw error;
  }
}

/** On a CD that is a disk as well, partitions lie in one another. */
function withOverlaps(table: ReadTable, isDisc: boolean): ReadTable {
  const partitions = table.partitions.filter(({ type }) => !containerTypes.includes(type));
  return isDisc ? table : { ...table, problems: [...table.problems, ...overlapsOf(partitions)] };
}

/** All places of an image that may hold a file system, in the order of the table. */
export function volumesOf({ partitions, whole }: Pick<ExaminedImage, "partitions" | "whole">): readonly Volume[] {
  return [...(whole === undefined ? [] : [whole]), ...partitions.flatMap(({ volume }) => volume ?? [])];
}
