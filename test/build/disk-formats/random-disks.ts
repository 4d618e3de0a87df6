import fc from "fast-check";
import { type ByteSource, bytesSource, composeSource } from "../../../src/core/byte-source.ts";
import { noise, prose } from "./disks.ts";

const MiB = 1024 ** 2;

/** Disks of up to 300 MiB with some runs of text, noise and stored zeros at any place of them. */
export const randomDisks: fc.Arbitrary<ByteSource> = fc
  .record({
    sectors: fc.oneof(fc.integer({ min: 1, max: 8 * 2048 }), fc.integer({ min: 1, max: 300 * 2048 })),
    runs: fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        lengthBytes: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 3 * MiB })),
        kind: fc.constantFrom("text", "noise", "zeros"),
        // Around the borders of grains and blocks.
        alignTo: fc.constantFrom(1, 512, 65536, MiB, 2 * MiB),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ sectors, runs }) => {
    const sizeBytes = sectors * 512;
    const pieces: { offsetBytes: number; source: ByteSource }[] = [];
    let end = 0;
    for (const { at, lengthBytes, kind, alignTo } of runs.toSorted((a, b) => a.at - b.at)) {
      const wanted = Math.floor(at * sizeBytes);
      const offsetBytes = Math.max(end, wanted - (wanted % alignTo));
      const length = Math.min(lengthBytes, sizeBytes - offsetBytes);
      if (length <= 0) continue;
      end = offsetBytes + length;
      const bytes =
        kind === "zeros" ? new Uint8Array(length) : kind === "text" ? prose(length, end) : noise(length, end);
      pieces.push({ offsetBytes, source: bytesSource(bytes) });
    }
    return composeSource(sizeBytes, pieces);
  });

/** How many random disks are written and read back. */
export const randomDiskRuns = Math.max(12, Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 0) / 100);
