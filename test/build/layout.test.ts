import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LayoutRequest, layoutDisk, type WantedPartition } from "../../src/build/layout.ts";
import { CloudimgError } from "../../src/core/errors.ts";

const MiB = 1024 ** 2;
const table = { reserved: { startBytes: 512, endBytes: 0 } };
/** As GPT: both copies, 33 sectors of backup at the end. */
const gptLike = { reserved: { startBytes: 34 * 512, endBytes: 33 * 512 } };
const noTable = { reserved: { startBytes: 0, endBytes: 0 } };

function partition(number: number, sizeBytes: number): WantedPartition {
  return { number, sizeBytes, kind: "linux", bootable: number === 1, name: `p${number}` };
}

function layRoot(sizeBytes: number, more: Partial<LayoutRequest> = {}) {
  return layoutDisk({ table, partitions: [partition(1, sizeBytes)], ...more });
}

describe("layoutDisk", () => {
  test("an automatic disk is as small as its root allows", () => {
    const layout = layRoot(100 * MiB);
    expect(layout.diskSizeBytes).toBe(101 * MiB);
    expect(layout.partitions).toEqual([
      { number: 1, startBytes: 2048 * 512, sizeBytes: 100 * MiB, bootable: true, kind: "linux", name: "p1" },
    ]);
    expect(layout.gap).toEqual({ startBytes: 512, endBytes: MiB });
  });

  test("without a table, the file system is the disk", () => {
    expect(layRoot(5 * MiB, { table: noTable })).toMatchObject({
      diskSizeBytes: 5 * MiB,
      partitions: [{ startBytes: 0, sizeBytes: 5 * MiB }],
    });
  });

  test("any partitions lie in order, on whole MiB, inside of the disk, each as large as it must be", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 * MiB }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.constantFrom(table, gptLike, noTable), fc.option(fc.nat(100)), (wanted, each, more) => {
        const partitions = wanted.map((sizeBytes, index) => partition(index + 1, sizeBytes));
        const least = layoutDisk({ table: each, partitions }).diskSizeBytes;
        const diskSizeBytes = more === null ? undefined : least + more * MiB;
        const layout = layoutDisk({ table: each, partitions, diskSizeBytes });
        let at = each.reserved.startBytes;
        for (const [index, { startBytes, sizeBytes }] of layout.partitions.entries()) {
          expect([startBytes % MiB, sizeBytes % MiB]).toEqual([0, 0]);
          expect(startBytes).toBeGreaterThanOrEqual(at);
          expect(startBytes - at).toBeLessThan(MiB);
          expect(sizeBytes).toBeGreaterThanOrEqual(wanted[index] as number);
          if (index < partitions.length - 1) expect(sizeBytes - (wanted[index] as number)).toBeLessThan(MiB);
          at = startBytes + sizeBytes;
        }
        expect(layout.diskSizeBytes).toBe(diskSizeBytes ?? least);
        expect(at).toBeLessThanOrEqual(layout.diskSizeBytes - each.reserved.endBytes);
        expect(layout.diskSizeBytes - each.reserved.endBytes - at).toBeLessThan(MiB);
      }),
    );
  });

  test("on a disk of fixed size the last one gets all the rest", () => {
    const partitions = [partition(2, 34 * MiB), partition(1, 5 * MiB)];
    const layout = layoutDisk({ table, partitions, diskSizeBytes: 2048 * MiB });
    expect(layout.partitions.map(({ number, startBytes, sizeBytes }) => [number, startBytes, sizeBytes])).toEqual([
      [2, MiB, 34 * MiB],
      [1, 35 * MiB, 2013 * MiB],
    ]);
  });

  test("an uneven disk size is rounded up to whole MiB", () => {
    expect(layRoot(MiB, { diskSizeBytes: 10 ** 9 }).diskSizeBytes).toBe(954 * MiB);
  });

  test("a disk that is too small says how much is needed", () => {
    const attempt = () => layRoot(71.5 * MiB, { diskSizeBytes: 64 * MiB });
    try {
      attempt();
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      expect(error.exitCode).toBe(6);
      expect(error.problems).toEqual([
        {
          code: "image/disk-too-small",
          message: "cannot fit the root file system on a disk of 64MiB: it needs 73MiB",
          hint: "set disk.size to 73MiB or more, or to auto",
        },
      ]);
    }
    expect(attempt).toThrow();
    expect(layRoot(71.5 * MiB, { diskSizeBytes: 73 * MiB }).diskSizeBytes).toBe(73 * MiB);
  });
});
