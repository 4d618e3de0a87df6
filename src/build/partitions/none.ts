import { fail } from "../../core/errors.ts";
import type { PartitionTable } from "./partition-table.ts";

/** No table: the disk is one file system. Boot code lies in the 1024 bytes that it leaves free, if it leaves any. */
export const none: PartitionTable = {
  name: "none",
  reserved: { startBytes: 0, endBytes: 0 },
  plan({ partitions }) {
    if (partitions.length !== 1)
      fail("image/unsupported", "cannot put several partitions on a disk without a partition table");
    return [];
  },
  read: () => undefined,
};
