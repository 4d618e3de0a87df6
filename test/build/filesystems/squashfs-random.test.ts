import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { scratchDirectory, writeImage } from "./images.ts";
import { treesArbitrary } from "./random-trees.ts";
import { planSquashfs, textOfOurs, textOfTheirs, withPlainXattrs } from "./squashfs-oracle.ts";
import { textOfTree } from "./tree-text.ts";

// As many entries as a list may have, not the ten that it would have unasked.
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });

const scratch = scratchDirectory();
const image = join(scratch, "squashfs.img");
const trees = treesArbitrary({ xattrs: true, maxTime: 2 ** 32 - 1, oddNames: true });
const options = fc.record({
  compression: fc.constantFrom("zstd" as const, "xz" as const, "gzip" as const),
  blockSizeBytes: fc.constantFrom(4096, 8192, 131_072, 2 ** 20),
});

test("any tree is read back by unsquashfs as it was", async () => {
  await fc.assert(
    fc.asyncProperty(trees, options, async (tree, how) => {
      const plain = withPlainXattrs(tree);
      await writeImage((await planSquashfs(plain, how)).source, image);
      expect(await textOfTheirs(image)).toEqual(textOfTree(plain));
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 40) },
  );
}, 3_600_000);

test("any tree is read back by our reader as it was", async () => {
  await fc.assert(
    fc.asyncProperty(trees, options, async (tree, how) => {
      expect(textOfOurs((await planSquashfs(tree, how)).source)).toEqual(textOfTree(tree));
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 60) },
  );
}, 3_600_000);
