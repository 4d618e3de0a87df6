import type { ByteSource, Piece } from "../../core/byte-source.ts";

export type PartitionKind = "linux" | "esp" | "bios-boot" | "swap" | "fat";

export interface PlannedPartition {
  /** Slot or entry number, from 1. */
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  readonly kind: PartitionKind;
  readonly bootable: boolean;
  readonly name: string;
  /** Its GUID, lower case with dashes. Default: derived from the seed. Tables without GUIDs ignore it. */
  readonly guid?: string | undefined;
}

export interface TableRequest {
  readonly diskSizeBytes: number;
  readonly partitions: readonly PlannedPartition[];
  readonly seed: string;
  /** GUID of the disk. Default: derived from the seed. */
  readonly diskGuid?: string | undefined;
  /** Up to 440 bytes of boot code for the first sector. */
  readonly bootCode?: Uint8Array | undefined;
}

export interface ReadPartition {
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  /** As the table has it: `0x83`, or a lower-case GUID. */
  readonly type: string;
  /** Undefined for types that are not ours. */
  readonly kind: PartitionKind | undefined;
  readonly bootable: boolean;
  readonly name: string;
  /** What Linux calls PARTUUID. */
  readonly id: string;
}

/** A table that somebody made. */
export interface ReadTable {
  /** `mbr` or `gpt`. */
  readonly name: string;
  /** The disk's GUID, or MBR signature in eight hexadecimal digits. */
  readonly id: string;
  readonly partitions: readonly ReadPartition[];
  /** What is wrong but did not keep it from being read: `the backup header is missing`. */
  readonly problems: readonly string[];
}

/** Seam: partitions become the table's bytes at their places on the disk, and the other way round. */
export interface PartitionTable {
  readonly name: string;
  /** Bytes that the table needs at the start and the end of the disk. */
  readonly reserved: { readonly startBytes: number; readonly endBytes: number };
  plan(request: TableRequest): readonly Piece[];
  /** Undefined if the disk has no such table. Never throws but for errors of the source. */
  read(disk: ByteSource): ReadTable | undefined;
}
