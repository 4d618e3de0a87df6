import fc from "fast-check";
import { expect } from "vitest";
import type { ImageReader, OpenOther } from "../../../src/build/disk-formats/image-reader.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { CloudimgError, fail } from "../../../src/core/errors.ts";

export interface MutationOptions {
  /** Where the structures lie: most mutations go there. */
  readonly hotspots: (image: Uint8Array) => readonly (readonly [from: number, to: number])[];
  /** Makes checksums right again, so that mutations get past them. */
  readonly repair?: (image: Uint8Array) => void;
  /** What the other files are that the images name. */
  readonly openOther?: OpenOther;
}

/** Most that is read of a disk at each end and in the middle, so that a run stays short. */
const mostReadBytes = 256 * 1024;

const noOther: OpenOther = (name) => fail("image/not-found", `there is no ${name}`);

/** Mutated images give a disk or a CloudimgError, and so does reading it. 300 runs, or as many as CLOUDIMG_FUZZ_RUNS says. */
export function survivesMutations(
  reader: ImageReader,
  images: readonly Uint8Array[],
  { hotspots, repair, openOther = noOther }: MutationOptions,
): void {
  const values = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom([0], [0xff], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f], [1], [2, 0], [0x80]),
  );
  const patch = fc.record({ spot: fc.nat(), place: fc.nat(), isAnywhere: fc.nat(9), bytes: values });
  const mutation = fc.record({
    base: fc.nat(images.length - 1),
    patches: fc.array(patch, { maxLength: 8 }),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 8 }),
    isRepaired: fc.boolean(),
  });
  fc.assert(
    fc.property(mutation, ({ base, patches, cut, isRepaired }) => {
      // Not slice(): that of a Buffer is a view.
      let image = new Uint8Array(images[base] as Uint8Array);
      const spots = hotspots(image);
      for (const { spot, place, isAnywhere, bytes } of patches) {
        const [from, to] = isAnywhere === 0 ? [0, image.length] : (spots[spot % spots.length] as [number, number]);
        const at = from + (place % (to - from));
        image.set(Uint8Array.from(bytes).subarray(0, image.length - at), at);
      }
      if (isRepaired) repair?.(image);
      if (cut !== null) image = image.subarray(0, Math.floor(image.length * cut));
      const file = { path: "mutated", source: bytesSource(image) };
      if (!reader.detect(file)) return;
      expectResultOrError(() => {
        const { disk, close } = reader.read(file, openOther);
        const { extents, sizeBytes } = disk;
        expect(sizeBytes).toBeGreaterThan(0);
        let end = 0;
        for (const { offsetBytes, lengthBytes } of extents) {
          if (offsetBytes < end || lengthBytes <= 0) throw new Error("extents are not in order");
          end = offsetBytes + lengthBytes;
        }
        if (end > sizeBytes) throw new Error("extents reach behind the end");
        for (const extent of [extents[0], extents[extents.length >> 1], extents.at(-1)]) {
          if (extent === undefined) continue;
          const target = new Uint8Array(Math.min(extent.lengthBytes, mostReadBytes));
          expectResultOrError(() => disk.read(target, extent.offsetBytes));
        }
        close();
      });
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
  );
}

function expectResultOrError(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    expect(["image/damaged", "image/unsupported", "image/not-found"]).toContain(error.code);
  }
}
