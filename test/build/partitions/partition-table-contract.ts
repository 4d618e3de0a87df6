import fc from "fast-check";
import { expect, test } from "vitest";
import type { PartitionTable, PlannedPartition } from "../../../src/build/partitions/partition-table.ts";
import { type ByteSource, bytesSource, composeSource, readAll } from "../../../src/core/byte-source.ts";

const MiB = 1024 ** 2;
export const diskSizeBytes = 64 * MiB;

export const twoPartitions: readonly PlannedPartition[] = [
  { number: 1, startBytes: 35 * MiB, sizeBytes: 28 * MiB, kind: "linux", bootable: true, name: "root" },
  { number: 2, startBytes: MiB, sizeBytes: 34 * MiB, kind: "esp", bootable: false, name: "esp" },
];

export function diskWith(table: PartitionTable, partitions: readonly PlannedPartition[], seed = "seed"): ByteSource {
  return composeSource(diskSizeBytes, table.plan({ diskSizeBytes, partitions, seed }));
}

/** What every table owes the disk. */
export function partitionTableContract(table: PartitionTable): void {
  test("reads back what was planned", () => {
    const read = table.read(diskWith(table, twoPartitions));
    expect(read?.name).toBe(table.name);
    expect(read?.problems).toEqual([]);
    const places = (read?.partitions ?? []).map(({ number, startBytes, sizeBytes, kind, bootable }) => ({
      ...{ number, startBytes, sizeBytes, kind, bootable },
    }));
    expect(places).toEqual(twoPartitions.map(({ name, ...place }) => place));
  });

  test("any partitions that do not overlap read back", () => {
    const kinds = fc.constantFrom("linux", "esp", "swap");
    const sizes = fc.array(fc.record({ gap: fc.nat(3), size: fc.integer({ min: 1, max: 9 }), kind: kinds }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(sizes, (chosen) => {
        let at = 1;
        const partitions = chosen.map(({ gap, size, kind }, index): PlannedPartition => {
          const startBytes = (at + gap) * MiB;
          at += gap + size;
          return {
            ...{ number: index + 1, startBytes, sizeBytes: size * MiB, kind, bootable: index === 0 },
            name: `part ${index}`,
          };
        });
        const read = table.read(diskWith(table, partitions));
        expect(
          read?.partitions.map(({ number, startBytes, sizeBytes, kind }) => [number, startBytes, sizeBytes, kind]),
        ).toEqual(partitions.map(({ number, startBytes, sizeBytes, kind }) => [number, startBytes, sizeBytes, kind]));
        expect(read?.problems).toEqual([]);
      }),
    );
  });

  test("its bytes stay inside of what it reserves, and depend on nothing but the request", () => {
    const plan = (seed: string) => table.plan({ diskSizeBytes, partitions: twoPartitions, seed });
    for (const { offsetBytes, source } of plan("seed")) {
      const endBytes = offsetBytes + source.sizeBytes;
      const atStart = endBytes <= table.reserved.startBytes;
      expect(atStart || offsetBytes >= diskSizeBytes - table.reserved.endBytes, `${offsetBytes}`).toBe(true);
    }
    const bytesOf = (seed: string) => plan(seed).map(({ source }) => Buffer.from(readAll(source)).toString("hex"));
    expect(bytesOf("seed")).toEqual(bytesOf("seed"));
    expect(bytesOf("seed")).not.toEqual(bytesOf("other"));
  });

  test("boot code is kept, and the boot signature is there", () => {
    const bootCode = Uint8Array.from({ length: 440 }, (_, index) => (index % 250) + 1);
    const pieces = table.plan({ diskSizeBytes, partitions: twoPartitions, seed: "seed", bootCode });
    const sector = new Uint8Array(512);
    composeSource(diskSizeBytes, pieces).read(sector, 0);
    expect(sector.subarray(0, 440)).toEqual(bootCode);
    expect([...sector.subarray(510)]).toEqual([0x55, 0xaa]);
  });

  test("damaged tables are read or refused, never believed", () => {
    const whole = readAll(
      composeSource(diskSizeBytes, table.plan({ diskSizeBytes, partitions: twoPartitions, seed: "s" })),
    );
    const places = [...table.plan({ diskSizeBytes, partitions: twoPartitions, seed: "s" })].map(
      (piece) => piece.offsetBytes,
    );
    const change = fc.record({ place: fc.nat(places.length - 1), at: fc.nat(511), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const old = changes.map(({ place, at, value }) => {
          const index = (places[place] as number) + at;
          const before = whole[index] as number;
          whole[index] = value;
          return [index, before] as const;
        });
        const read = table.read(bytesSource(whole));
        for (const { sizeBytes, startBytes } of read?.partitions ?? []) {
          expect(Number.isSafeInteger(startBytes) && Number.isSafeInteger(sizeBytes)).toBe(true);
          if (read?.problems.length === 0) expect(startBytes + sizeBytes).toBeLessThanOrEqual(diskSizeBytes);
        }
        for (const [index, before] of old.toReversed()) whole[index] = before;
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 500) },
    );
  });

  test("an empty disk, random bytes and very small disks have no table", () => {
    for (const sizeBytes of [0, 1, 511, 512, 1024, 4096, 65536]) {
      expect(table.read(bytesSource(new Uint8Array(sizeBytes)))).toBeUndefined();
      const noise = Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 7919) >>> 3);
      expect(table.read(bytesSource(noise))).toBeUndefined();
    }
  });
}
