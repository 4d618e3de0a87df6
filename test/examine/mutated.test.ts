import { closeSync, copyFileSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { CloudimgError } from "../../src/core/errors.ts";
import { compareImages } from "../../src/examine/compare-images.ts";
import { inspectImage } from "../../src/examine/inspect.ts";
import { examineImage } from "../../src/examine/open.ts";
import { ext4Of, fatOf, gptDisk, scratchDirectory, systemFiles, writeFiles } from "./images.ts";

const scratch = scratchDirectory();
const at = (name: string) => join(scratch, name);

beforeAll(async () => {
  writeFiles(at("system"), systemFiles);
  writeFiles(at("esp"), { "EFI/BOOT/BOOTX64.EFI": "MZ" });
  await ext4Of(at("system"), at("root.ext4"));
  await fatOf(at("esp"), ["EFI"], at("esp.fat"));
  await gptDisk(at("disk.raw"), { esp: at("esp.fat"), root: at("root.ext4") });
  copyFileSync(at("disk.raw"), at("mutated.raw"));
}, 120_000);

/** Work on the disk with some bytes replaced, which are put back afterwards. */
async function withPatches(
  patches: readonly (readonly [at: number, bytes: Uint8Array])[],
  work: () => Promise<void>,
): Promise<void> {
  const fd = openSync(at("mutated.raw"), "r+");
  const before = patches.map(([offset, bytes]) => {
    const old = Buffer.alloc(bytes.length);
    readSync(fd, old, 0, old.length, offset);
    writeSync(fd, bytes, 0, bytes.length, offset);
    return [offset, old] as const;
  });
  try {
    await work();
  } finally {
    for (const [offset, old] of before.reverse()) writeSync(fd, old, 0, old.length, offset);
    closeSync(fd);
  }
}

test("a mutated disk is told of and compared, or refused with an error of ours", { timeout: 600_000 }, async () => {
  const root = 12288 * 512;
  // Table, FAT, superblock and descriptors, inodes and directories.
  const place = fc.oneof(
    ...[
      [0, 34 * 512],
      [2048 * 512, 20_000],
      [root + 1024, 4096],
      [root, 2 << 20],
    ].map(([from = 0, length = 0]) => fc.integer({ min: from, max: from + length - 8 })),
  );
  const patch = fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 8 }));
  const { signal } = new AbortController();
  const sound = examineImage(at("disk.raw"));
  await fc.assert(
    fc.asyncProperty(fc.array(patch, { minLength: 1, maxLength: 10 }), (patches) =>
      withPatches(patches, async () => {
        try {
          const image = examineImage(at("mutated.raw"));
          const told = inspectImage(image);
          expect(JSON.stringify(told)).toContain("mutated.raw");
          await compareImages(sound, image, { signal, text: true });
          image.close();
        } catch (error) {
          if (!(error instanceof CloudimgError)) throw error;
          expect(error.code).toMatch(/^image\//);
        }
      }),
    ),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 40) },
  );
  sound.close();
});
