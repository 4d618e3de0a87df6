import { describe, expect, test } from "vitest";
import { layoutDisk } from "../../src/build/layout.ts";
import { CloudimgError } from "../../src/core/errors.ts";

const MiB = 1024 ** 2;
const table = { reserved: { startBytes: 512, endBytes: 0 } };
/** As GPT: both copies, 33 sectors of backup at the end. */
const gptLike = { reserved: { startBytes: 34 * 512, endBytes: 33 * 512 } };

describe("layoutDisk", () => {
  test("an automatic disk is as small as its root allows", () => {
    const layout = layoutDisk({ table, rootNeedsBytes: 100 * MiB });
    expect(layout.diskSizeBytes).toBe(101 * MiB);
    expect(layout.root).toMatchObject({ number: 1, startBytes: 2048 * 512, sizeBytes: 100 * MiB, bootable: true });
    expect(layout.gap).toEqual({ startBytes: 512, endBytes: MiB });
  });

  test.each([1, MiB - 1, MiB, MiB + 1, 99.5 * MiB])("a root of %d bytes fits, on whole MiB", (rootNeedsBytes) => {
    for (const each of [table, gptLike]) {
      const { diskSizeBytes, root } = layoutDisk({ table: each, rootNeedsBytes });
      expect(diskSizeBytes % MiB).toBe(0);
      expect(root.sizeBytes).toBeGreaterThanOrEqual(rootNeedsBytes);
      expect(root.sizeBytes - rootNeedsBytes).toBeLessThan(MiB);
      expect(root.startBytes + root.sizeBytes).toBeLessThanOrEqual(diskSizeBytes - each.reserved.endBytes);
    }
  });

  test("on a disk of fixed size the root gets all the rest", () => {
    const { root, diskSizeBytes } = layoutDisk({ table, rootNeedsBytes: 5 * MiB, diskSizeBytes: 2048 * MiB });
    expect(diskSizeBytes).toBe(2048 * MiB);
    expect(root.sizeBytes).toBe(2047 * MiB);
  });

  test("an uneven disk size is rounded up to whole MiB", () => {
    expect(layoutDisk({ table, rootNeedsBytes: MiB, diskSizeBytes: 10 ** 9 }).diskSizeBytes).toBe(954 * MiB);
  });

  test("a disk that is too small says how much is needed", () => {
    const attempt = () => layoutDisk({ table, rootNeedsBytes: 71.5 * MiB, diskSizeBytes: 64 * MiB });
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
    expect(layoutDisk({ table, rootNeedsBytes: 71.5 * MiB, diskSizeBytes: 73 * MiB }).diskSizeBytes).toBe(73 * MiB);
  });
});
