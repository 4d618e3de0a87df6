import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkExt4, textOfExt4 } from "./ext4-reader.ts";
import { scratchDirectory, writeImage } from "./images.ts";
import { treesArbitrary } from "./random-trees.ts";
import { planExt4 } from "./requests.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");

test("any tree, at any free space, passes e2fsck and is read back as it was", async () => {
  const trees = treesArbitrary({ xattrs: true, maxTime: 2 ** 34 - 2 ** 31 - 1, oddNames: true });
  await fc.assert(
    fc.asyncProperty(trees, fc.nat(300_000_000), async (tree, freeBytes) => {
      const plan = planExt4(tree, { size: { freeBytes } });
      await writeImage(plan.source, image);
      await checkExt4(image);
      expect(plan.freeBytes).toBe(Math.ceil(freeBytes / 4096) * 4096);
      expect(await textOfExt4(image, scratch)).toEqual(textOfTree(tree));
    }),
    { numRuns: 40 },
  );
}, 120_000);
