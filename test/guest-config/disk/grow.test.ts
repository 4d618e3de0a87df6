import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPartitionTable } from "../../../src/build/partitions/registry.ts";
import { runOracle } from "../../oracles/run.ts";
import { builtBytes, builtDisk, GiB, grow, MiB } from "./built-disk.ts";
import type { SparseDisk } from "./sparse-disk.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-grow-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The table whole, all partitions where they were, the root from the old size on. */
function expectIntact(disk: SparseDisk): void {
  const read = readPartitionTable(disk);
  expect(read?.problems.filter((text) => !/backup/.test(text))).toEqual([]);
  const [root, esp] = read?.partitions ?? [];
  expect(esp).toMatchObject({ number: 2, startBytes: MiB, sizeBytes: 34 * MiB, kind: "esp" });
  expect(root).toMatchObject({ number: 1, startBytes: 35 * MiB, kind: "linux" });
  expect(root?.sizeBytes).toBeGreaterThanOrEqual(60 * MiB);
}

describe.each(["mbr", "gpt"] as const)("%s", (table) => {
  const lostBytes = table === "gpt" ? 36 * MiB : 35 * MiB;

  test.each(["vda", "nvme0n1", "sda"])("grows on %s, once", (diskName) => {
    const disk = builtDisk(table, 10 * GiB);
    const { said, problems, started, isNeeded } = grow(disk, { diskName });
    expect({ said, problems, isNeeded }).toEqual({
      said: `${diskName}${diskName === "nvme0n1" ? "p" : ""}1 to 10 GiB`,
      problems: [],
      isNeeded: true,
    });
    expect(started).toHaveLength(2);
    expectIntact(disk);
    expect(readPartitionTable(disk)?.problems).toEqual([]);
    expect(readPartitionTable(disk)?.partitions[0]?.sizeBytes).toBe(10 * GiB - lostBytes);
    const again = grow(disk, { diskName });
    expect(again).toMatchObject({ said: undefined, problems: [], started: [], isNeeded: false });
    expect(again.writes()).toBe(0);
  });

  test("a disk that has not grown is left alone", () => {
    const result = grow(builtDisk(table, builtBytes));
    expect(result).toMatchObject({ said: undefined, problems: [], started: [], isNeeded: false });
    expect(result.writes()).toBe(0);
  });

  test("a power failure at any write, whatever of it has reached the disk, leaves a whole table; the next boot completes it", {
    timeout: 180_000,
  }, () => {
    const whole = builtDisk(table, 10 * GiB);
    const count = grow(whole).writes();
    expect(count).toBeGreaterThan(table === "gpt" ? 5 : 0);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(count), fc.nat(), fc.nat()), { minLength: 1, maxLength: 3 }), (failures) => {
        const disk = builtDisk(table, 10 * GiB);
        for (const [failsAtWrite, salt, modulus] of failures) {
          const torn = (sector: number) => ((sector + 1) * (salt + 1)) % ((modulus % 7) + 1) === 0;
          grow(disk, { failsAtWrite, torn });
          expectIntact(disk);
        }
        grow(disk);
        expect(readPartitionTable(disk)).toEqual(readPartitionTable(whole));
        expect(grow(disk)).toMatchObject({ isNeeded: false, said: undefined });
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 200) },
    );
  });

  test.each([0, 1, 2, 3, 4, 5, 6])(
    "a power failure before or in write %i, then a disk that is larger still",
    (failsAtWrite) => {
      for (const torn of [() => false, () => true, (sector: number) => sector % 2 === 0])
        for (const moreBytes of [512, 16 * 1024, MiB, GiB]) {
          const disk = builtDisk(table, 10 * GiB);
          grow(disk, { failsAtWrite, torn });
          const larger = disk.resized(10 * GiB + moreBytes);
          for (let next = 0; next < 8; next++) {
            grow(larger, { failsAtWrite: next, torn: () => false });
            expectIntact(larger);
          }
          grow(larger);
          const size = readPartitionTable(larger)?.partitions[0]?.sizeBytes ?? 0;
          expect(size).toBeGreaterThanOrEqual(10 * GiB - lostBytes + (moreBytes === GiB ? GiB : 0));
        }
    },
  );

  test("other programs find nothing wrong", async () => {
    const disk = builtDisk(table, 10 * GiB);
    grow(disk);
    const path = join(directory, `${table}.raw`);
    disk.save(path);
    const dump = await runOracle("sfdisk", ["--dump", path]);
    expect(dump.output).toMatch(new RegExp(`raw1 : start= +71680, size= +${(10 * GiB - lostBytes) / 512},`));
    const verify = await runOracle("sfdisk", ["--verify", path]);
    expect(verify.status, verify.output).toBe(0);
    if (table === "gpt") {
      const { output } = await runOracle("sgdisk", ["-v", path]);
      expect(output).toContain("No problems found");
    }
  });
});
