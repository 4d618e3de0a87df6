import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ext4Writer } from "../../../src/build/filesystems/ext4.ts";
import type { Ext4FeatureProfile } from "../../../src/build/filesystems/ext4-profiles.ts";
import { ext4Reader } from "../../../src/build/filesystems/ext4-reader.ts";
import { fileSource } from "../../../src/core/byte-source.ts";
import { Tree } from "../../../src/core/tree.ts";
import { checkExt4, textOfExt4 } from "./ext4-reader.ts";
import { scratchDirectory, writeImage } from "./images.ts";
import { treesArbitrary } from "./random-trees.ts";
import { request } from "./requests.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");

test.each<[features: Ext4FeatureProfile, runs: number]>([
  ["portable", 25],
  ["modern", 15],
  ["dragonos", 8],
  ["asterinas", 15],
  ["grub-old", 8],
])(
  "any tree, at any free space, with the features %s, passes e2fsck and is read back as it was by debugfs and by us",
  async (features, numRuns) => {
    const writer = ext4Writer({ features });
    const trees = treesArbitrary({ xattrs: true, maxTime: 2 ** 34 - 2 ** 31 - 1, oddNames: true });
    await fc.assert(
      fc.asyncProperty(trees, fc.nat(300_000_000), async (tree, freeBytes) => {
        const plan = writer.plan(request(tree, { size: { freeBytes } }));
        await writeImage(plan.source, image);
        await checkExt4(image);
        const wantedBytes = Math.ceil(freeBytes / 4096) * 4096;
        expect(plan.freeBytes).toBeGreaterThanOrEqual(wantedBytes);
        // More than was asked for only where a block less is too little: a last group has a least size.
        const exactBytes = plan.source.sizeBytes - 4096;
        if (plan.freeBytes > wantedBytes)
          expect(writer.plan(request(tree, { size: { exactBytes } })).freeBytes).toBeLessThan(wantedBytes);
        const expected = textOfTree(tree);
        expect(await textOfExt4(image, scratch)).toEqual(expected);

        const fd = openSync(image, "r");
        try {
          const found = ext4Reader.read(fileSource(fd));
          const text = textOfTree(found.tree);
          delete text["/lost+found"];
          expect(text).toEqual(expected);
          expect(found.problems).toEqual([]);
        } finally {
          closeSync(fd);
        }
      }),
      { numRuns, examples: [[new Tree(), 240_992_257]] },
    );
  },
  120_000,
);
