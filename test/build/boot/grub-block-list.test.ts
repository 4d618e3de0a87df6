import { describe, expect, test } from "vitest";
import { setRuns } from "../../../src/build/boot/grub-block-list.ts";
import { CloudimgError } from "../../../src/core/errors.ts";

const sector = 512;

/** A core image of so many sectors, with code in its first one up to `codeBytes`. */
function core(sectors: number, codeBytes = 0x170): Buffer {
  return Buffer.alloc(sectors * sector).fill(0x90, 0, codeBytes);
}

/** The list as GRUB reads it: until an entry of no sectors. */
function listOf(image: Buffer): { lba: number; sectors: number; segment: number }[] {
  const list = [];
  for (let at = 0x1f4; image.readUInt16LE(at + 8) !== 0; at -= 12)
    list.push({
      lba: Number(image.readBigUInt64LE(at)),
      sectors: image.readUInt16LE(at + 8),
      segment: image.readUInt16LE(at + 10),
    });
  return list;
}

const run = (lba: number, sectors: number) => ({ offsetBytes: lba * sector, lengthBytes: sectors * sector });

describe("where a core image lies", () => {
  test("in one piece: all but its first sector", () => {
    const image = core(300);
    setRuns(image, [run(1, 300)]);
    expect(listOf(image)).toEqual([{ lba: 2, sectors: 299, segment: 0x820 }]);
  });

  test("in several: each goes behind the one before in memory", () => {
    const image = core(300);
    setRuns(image, [run(1000, 8), run(96, 100), run(5000, 200)]);
    expect(listOf(image)).toEqual([
      { lba: 1001, sectors: 7, segment: 0x820 },
      { lba: 96, sectors: 100, segment: 0x820 + 7 * 32 },
      // What the file system has set aside beyond the image's end is not loaded.
      { lba: 5000, sectors: 192, segment: 0x820 + 107 * 32 },
    ]);
  });

  test("a first piece of one sector needs no entry", () => {
    const image = core(10);
    setRuns(image, [run(40, 1), run(80, 9)]);
    expect(listOf(image)).toEqual([{ lba: 80, sectors: 9, segment: 0x820 }]);
  });

  test("as many pieces as there is room for behind the code, and one entry to end the list", () => {
    const pieces = (count: number) => Array.from({ length: count }, (_, index) => run(100 * (index + 1), 2));
    const room = Math.floor((0x1f4 - 0x170) / 12);
    const image = core(room * 2);
    setRuns(image, pieces(room));
    expect(listOf(image)).toHaveLength(room);
    expect(image.subarray(0, 0x170).every((byte) => byte === 0x90)).toBe(true);
    expect(() => setRuns(core((room + 1) * 2), pieces(room + 1))).toThrow(CloudimgError);
    expect(() => setRuns(core((room + 1) * 2), pieces(room + 1))).toThrow(`is in ${room + 1} pieces`);
    expect(() =>
      setRuns(
        core(2000),
        Array.from({ length: 1000 }, (_, index) => run(index * 9, 2)),
      ),
    ).toThrow("pieces");
  });

  test("pieces that are too short, or lie between sectors, are a defect of the planner", () => {
    expect(() => setRuns(core(10), [run(1, 9)])).toThrow(RangeError);
    expect(() => setRuns(core(10), [{ offsetBytes: 100, lengthBytes: 5120 }])).toThrow(RangeError);
  });
});
