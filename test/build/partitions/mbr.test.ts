import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { mbr } from "../../../src/build/partitions/mbr.ts";
import { decodeMbr } from "../../../src/build/partitions/mbr-format.ts";
import type { PlannedPartition } from "../../../src/build/partitions/partition-table.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";

const MiB = 1024 ** 2;
const TiB = 1024 ** 4;
const root: PlannedPartition = {
  number: 1,
  startBytes: MiB,
  sizeBytes: 100 * MiB,
  kind: "linux",
  bootable: true,
  name: "root",
};

function sectorOf(
  partitions: readonly PlannedPartition[],
  rest: { diskSizeBytes?: number; bootCode?: Uint8Array } = {},
) {
  const pieces = mbr.plan({ diskSizeBytes: 101 * MiB, partitions, seed: "seed", ...rest });
  expect(pieces.map((piece) => [piece.offsetBytes, piece.source.sizeBytes])).toEqual([[0, 512]]);
  return readAll((pieces[0] as (typeof pieces)[0]).source);
}

describe("mbr", () => {
  test("reads back what was planned, boot code included", () => {
    const bootCode = Uint8Array.from({ length: 440 }, (_, index) => index % 251);
    const esp: PlannedPartition = {
      ...root,
      number: 2,
      startBytes: MiB,
      sizeBytes: 34 * MiB,
      kind: "esp",
      bootable: false,
    };
    const universal = [{ ...root, startBytes: 35 * MiB, sizeBytes: 66 * MiB }, esp];
    const decoded = decodeMbr(sectorOf(universal, { bootCode }));
    expect(decoded?.bootCode).toEqual(bootCode);
    expect(decoded?.diskSignature).not.toBe(0);
    expect(decoded?.partitions).toEqual([
      { number: 1, bootable: true, type: 0x83, startBytes: 35 * MiB, sizeBytes: 66 * MiB },
      { number: 2, bootable: false, type: 0xef, startBytes: MiB, sizeBytes: 34 * MiB },
    ]);
  });

  test("sfdisk finds nothing wrong, and the same partitions", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "cloudimg-mbr-")), "disk");
    const esp: PlannedPartition = { ...root, number: 2, sizeBytes: 34 * MiB, kind: "esp", bootable: false };
    const sector = sectorOf([{ ...root, startBytes: 35 * MiB, sizeBytes: 66 * MiB }, esp]);
    writeFileSync(path, sector);
    truncateSync(path, 101 * MiB);
    const verified = await runOracle("sfdisk", ["--verify", path]);
    expect(verified.status, verified.output).toBe(0);
    const { output } = await runOracle("sfdisk", ["--json", path]);
    rmSync(dirname(path), { recursive: true });
    const { partitiontable } = JSON.parse(output);
    expect(partitiontable).toMatchObject({
      label: "dos",
      id: `0x${decodeMbr(sector)?.diskSignature.toString(16).padStart(8, "0")}`,
      partitions: [
        { start: 71680, size: 135168, type: "83", bootable: true },
        { start: 2048, size: 69632, type: "ef" },
      ],
    });
  });

  test("the signature comes from the seed", () => {
    const signature = (seed: string) => {
      const [piece] = mbr.plan({ diskSizeBytes: 101 * MiB, partitions: [root], seed });
      return decodeMbr(readAll((piece as NonNullable<typeof piece>).source))?.diskSignature;
    };
    expect(signature("a")).toBe(signature("a"));
    expect(signature("a")).not.toBe(signature("b"));
  });

  // Cylinder 1024 starts at sector 1024 * 255 * 63.
  test.each([
    ["sector 2048", 2048, 1, [0x20, 0x21, 0x00], [0x20, 0x21, 0x00]],
    ["the last sector that can be named", 1024 * 255 * 63 - 1, 1, [0xfe, 0xff, 0xff], [0xfe, 0xff, 0xff]],
    ["a start inside and an end beyond", 2048, 1024 * 255 * 63, [0x20, 0x21, 0x00], [0xfe, 0xff, 0xff]],
    ["cylinder 512", 512 * 255 * 63, 63, [0x00, 0x81, 0x00], [0x00, 0xbf, 0x00]],
  ])("CHS of %s", (_, startLba, sectors, start, end) => {
    const partition = { ...root, startBytes: startLba * 512, sizeBytes: sectors * 512 };
    const sector = sectorOf([partition], { diskSizeBytes: 100_000 * MiB });
    expect([...sector.subarray(447, 450)]).toEqual(start);
    expect([...sector.subarray(451, 454)]).toEqual(end);
  });

  test("2 TiB is the limit", () => {
    const diskSizeBytes = 2 * TiB + MiB;
    const largest = { ...root, sizeBytes: 2 * TiB - MiB };
    expect(decodeMbr(sectorOf([largest], { diskSizeBytes }))?.partitions[0]?.sizeBytes).toBe(2 * TiB - MiB);
    const larger = { ...root, sizeBytes: 2 * TiB };
    expect(() => sectorOf([larger], { diskSizeBytes })).toThrow(
      "cannot make partition 1: it ends beyond 2 TiB, the most an MBR can address",
    );
  });

  test("five partitions do not fit, nor does a kind that MBR has no type for", () => {
    expect(() => sectorOf([{ ...root, number: 5 }])).toThrow("cannot make partition 5: an MBR has 4 slots");
    expect(() => sectorOf([{ ...root, kind: "bios-boot" }])).toThrow('no type for "bios-boot" partitions');
  });

  test("a planner's mistakes are not written", () => {
    expect(() => sectorOf([root, { ...root, number: 2 }])).toThrow("partition 2 overlaps");
    expect(() => sectorOf([{ ...root, sizeBytes: 101 * MiB }])).toThrow("leaves the disk");
    expect(() => sectorOf([{ ...root, startBytes: 0 }])).toThrow("covers its table");
    expect(() => sectorOf([{ ...root, sizeBytes: 1000 }])).toThrow("whole sectors");
  });

  test("what is no MBR is not read as one", () => {
    expect(decodeMbr(new Uint8Array(512))).toBeUndefined();
    expect(decodeMbr(new Uint8Array(100))).toBeUndefined();
  });
});
