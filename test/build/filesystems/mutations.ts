import fc from "fast-check";
import { expect } from "vitest";
import type { FileSystemReader } from "../../../src/build/filesystems/filesystem-reader.ts";
import type { ByteSource } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";

interface Patch {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** An image with some of its bytes replaced, and perhaps cut short; the image itself stays. */
function patched(base: ByteSource, patches: readonly Patch[], sizeBytes: number): ByteSource {
  const extents = base.extents.flatMap(({ offsetBytes, lengthBytes }) => {
    const length = Math.min(offsetBytes + lengthBytes, sizeBytes) - offsetBytes;
    return length > 0 ? [{ offsetBytes, lengthBytes: length }] : [];
  });
  return {
    sizeBytes,
    extents,
    read(target, offsetBytes) {
      if (offsetBytes < 0 || offsetBytes + target.length > sizeBytes) throw new Error("reads past the end");
      base.read(target, offsetBytes);
      for (const { at, bytes } of patches)
        for (let index = 0; index < bytes.length; index++) {
          const to = at + index - offsetBytes;
          if (to >= 0 && to < target.length) target[to] = bytes[index] as number;
        }
    },
  };
}

/** Most of what a mutated image may make us read of files, so that a run stays short. */
const mostContentBytes = 4 << 20;

/**
 * Mutated images give a result or a CloudimgError, in the reader and when contents are read. `hotspots` are the ranges where the structures lie: most mutations go there.
 * 300 runs, or as many as CLOUDIMG_FUZZ_RUNS says.
 */
export function survivesMutations(
  reader: FileSystemReader,
  images: readonly ByteSource[],
  hotspots: readonly (readonly [from: number, to: number])[],
): void {
  const smallest = Math.min(...images.map(({ sizeBytes }) => sizeBytes));
  const inHotspot = fc.constantFrom(...hotspots).chain(([from, to]) => fc.integer({ min: from, max: to - 1 }));
  const values = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom([0], [0xff], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f], [1], [2, 0], [3, 0]),
  );
  const patch = fc.record({
    at: fc.oneof({ weight: 9, arbitrary: inHotspot }, { weight: 1, arbitrary: fc.nat(smallest - 1) }),
    bytes: values.map((value) => Uint8Array.from(value)),
  });
  const cut = fc.option(fc.nat(smallest), { freq: 10 });
  fc.assert(
    fc.property(fc.constantFrom(...images), fc.array(patch, { maxLength: 12 }), cut, (image, patches, size) => {
      const source = patched(image, patches, size ?? image.sizeBytes);
      if (!reader.detect(source)) return;
      expectResultOrError(() => {
        const { tree } = reader.read(source);
        let readBytes = 0;
        for (const [, node] of tree.entries()) {
          if (node.type !== "file") continue;
          const content = new Uint8Array(Math.min(node.content.sizeBytes, 64 << 10));
          if (content.length === 0 || readBytes > mostContentBytes) continue;
          readBytes += content.length;
          for (const at of [0, node.content.sizeBytes - content.length])
            expectResultOrError(() => node.content.read(content, at));
        }
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
    expect(["image/damaged", "image/unsupported"]).toContain(error.code);
  }
}
