import type { Piece } from "../../core/byte-source.ts";

export interface PlannedPartition {
  /** Slot or entry number, from 1. */
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  readonly kind: "linux" | "esp" | "bios-boot" | "swap";
  readonly bootable: boolean;
  readonly name: string;
}

export interface TableRequest {
  readonly diskSizeBytes: number;
  readonly partitions: readonly PlannedPartition[];
  readonly seed: string;
  /** Up to 440 bytes of boot code for the first sector. */
  readonly bootCode?: Uint8Array | undefined;
}

/** Seam: partitions become the table's bytes at their places on the disk. */
export interface PartitionTable {
  readonly name: string;
  /** Bytes that the table needs at the start and the end of the disk. */
  readonly reserved: { readonly startBytes: number; readonly endBytes: number };
  plan(request: TableRequest): readonly Piece[];
}
