import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fatWriter } from "../../../src/build/filesystems/fat.ts";
import type { FileSystemPlan } from "../../../src/build/filesystems/filesystem-writer.ts";
import { checkFat, fatPartOf, fatTextOf, textOfFat } from "./fat-oracle.ts";
import { scratchDirectory, writeImage } from "./images.ts";
import { treesArbitrary } from "./random-trees.ts";
import { request } from "./requests.ts";

const scratch = scratchDirectory();
const image = join(scratch, "fat.img");
const context = { signal: new AbortController().signal, jobs: 1 };

test("any tree, of any type and free space, passes fsck.fat and is read back as it was", async () => {
  // mtools takes UTF-16 for UCS-2, and the year 2100 for a leap year.
  const trees = treesArbitrary({ xattrs: false, maxTime: Date.UTC(2100, 0) / 1000, oddNames: false }).map(fatPartOf);
  const bits = fc.constantFrom(undefined, 12 as const, 16 as const, 32 as const);
  await fc.assert(
    fc.asyncProperty(trees, bits, fc.nat(50_000_000), async (tree, type, freeBytes) => {
      const writer = fatWriter(type === undefined ? {} : { bits: type });
      const plan = writer.plan(request(tree, { size: { freeBytes } }), context) as FileSystemPlan;
      expect(plan.freeBytes).toBeGreaterThanOrEqual(freeBytes);
      await writeImage(plan.source, image);
      await checkFat(image);
      expect(await textOfFat(image, scratch)).toEqual(fatTextOf(tree));
    }),
    { numRuns: 30 },
  );
}, 120_000);
