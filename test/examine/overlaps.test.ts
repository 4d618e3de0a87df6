import { expect, test } from "vitest";
import { overlapsOf } from "../../src/examine/overlaps.ts";

const at = (number: number, startBytes: number, sizeBytes: number) => ({ number, startBytes, sizeBytes });

test("partitions that lie on one another, or on the table", () => {
  expect(overlapsOf([at(1, 4096, 4096), at(2, 8192, 4096), at(3, 8192, 0)])).toEqual([]);
  expect(overlapsOf([at(1, 4096, 65536), at(2, 8192, 512), at(3, 16384, 512)])).toEqual([
    "partition 2 overlaps partition 1",
    "partition 3 overlaps partition 1",
  ]);
  expect(overlapsOf([at(2, 0, 512)])).toEqual(["partition 2 covers the partition table"]);
});
