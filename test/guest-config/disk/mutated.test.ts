import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { growthBytes } from "../../../src/guest-config/disk/file-system-size.ts";
import { planTable } from "../../../src/guest-config/disk/table.ts";
import { nodeHost } from "../node-host.ts";
import { builtDisk, GiB, grow, MiB } from "./built-disk.ts";
import { superblock } from "./fake-guest.ts";
import { changes, mutate } from "./mutations.ts";

const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);
const timeout = 600_000;
const rootLba = 71680;

test.each(["mbr", "gpt"] as const)(
  "a mutated %s gives a plan that touches nothing else, or a reason",
  { timeout },
  (table) => {
    fc.assert(
      fc.property(changes, fc.boolean(), fc.constantFrom(512, 4096), (list, isSealed, sectorBytes) => {
        const disk = builtDisk(table, 10 * GiB);
        mutate(disk, list, isSealed);
        const sectors = disk.sectors(sectorBytes);
        for (let round = 0; ; round++) {
          const plan = planTable(sectors, { number: 1, startLba: rootLba });
          if ("reason" in plan || plan.writes.length === 0) return;
          expect(round).toBeLessThan(3);
          for (const { lba, bytes } of plan.writes) {
            const end = lba + bytes.length / sectorBytes;
            expect(lba >= 0 && end <= sectors.count && (end <= rootLba || lba >= rootLba + (60 * MiB) / 512)).toBe(
              true,
            );
            disk.write(lba * sectorBytes, bytes);
          }
        }
      }),
      { numRuns },
    );
  },
);

test("a GPT of 4 KiB sectors grows as one of 512 bytes does", () => {
  const old = builtDisk("gpt", 10 * GiB);
  const read = (lba: number, count: number) => old.sectors(512).read(lba, count) as Uint8Array;
  const disk = builtDisk("mbr", 10 * GiB);
  const front = new Uint8Array(4096 * 6);
  front.set(read(0, 1), 0);
  front.set(read(1, 1), 4096);
  front.set(read(2, 32), 8192);
  const view = new DataView(front.buffer);
  const set = (offset: number, value: number) => view.setUint32(offset, value, true);
  // Numbers of sectors are an eighth.
  set(446 + 12, (96 * MiB) / 4096 - 1);
  set(4096 + 32, (96 * MiB) / 4096 - 1);
  set(4096 + 40, 6);
  set(4096 + 48, (96 * MiB) / 4096 - 6);
  for (const [at, first, last] of [
    [8192, 35, 95],
    [8192 + 128, 1, 35],
  ] as const) {
    set(at + 32, (first * MiB) / 4096);
    set(at + 40, (last * MiB) / 4096 - 1);
  }
  set(4096 + 88, crc32(front.subarray(8192, 8192 + 16_384)));
  set(4096 + 16, 0);
  set(4096 + 16, crc32(front.subarray(4096, 4096 + 92)));
  disk.write(0, front);
  const { said, problems } = grow(disk, { sectorBytes: 4096 });
  expect({ said, problems }).toEqual({ said: "vda1 to 10 GiB", problems: [] });
  expect(grow(disk, { sectorBytes: 4096 })).toMatchObject({ isNeeded: false, said: undefined });
});

test("a mutated superblock gives a size or none", { timeout }, () => {
  const bytes = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 0, max: 0x70 }), fc.nat(1023)), fc.nat(255)), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(bytes, fc.nat(2 ** 40), fc.constantFrom("ext4", "XFSB", ""), (list, sizeBytes, kind) => {
      const content = new Uint8Array(128 * 1024);
      if (kind === "ext4") content.set(superblock(64 * MiB), 1024);
      if (kind === "XFSB") content.set([0x58, 0x46, 0x53, 0x42, 0, 0, 16, 0]);
      for (const [offset, value] of list) content[(kind === "ext4" ? 1024 : 0) + offset] = value;
      const host = {
        ...nodeHost("/nowhere"),
        readBytes: (_: string, from: number, count: number) => content.subarray(from, from + count),
      };
      const size = growthBytes(host, { name: "vda1", path: "/dev/vda1", sizeBytes });
      if (size !== undefined) expect(size >= 0 && size <= sizeBytes).toBe(true);
    }),
    { numRuns },
  );
});
