import type { ByteSource } from "../../core/byte-source.ts";
import { gpt } from "./gpt.ts";
import { mbr } from "./mbr.ts";
import { none } from "./none.ts";
import type { PartitionTable, ReadTable } from "./partition-table.ts";

export const partitionTables = { none, mbr, gpt } as const satisfies Record<string, PartitionTable>;

/** The partition table of a disk, or undefined if it has none that is known. */
export function readPartitionTable(disk: ByteSource): ReadTable | undefined {
  return gpt.read(disk) ?? mbr.read(disk);
}
