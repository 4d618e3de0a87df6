import { mbr } from "./mbr.ts";
import type { PartitionTable } from "./partition-table.ts";

/** By the name that a profile uses. */
export const partitionTables = { legacy: mbr } as const satisfies Record<string, PartitionTable>;
