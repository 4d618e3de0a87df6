import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { squashfsReader } from "../../../src/build/filesystems/squashfs-reader.ts";
import { bytesSource, readAll } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink } from "./images.ts";
import { planSquashfs } from "./squashfs-oracle.ts";

const scratch = scratchDirectory();
const images: Uint8Array[] = [];

/** Small, so that a change hits something; with every kind of inode and table. */
beforeAll(async () => {
  const tree = new Tree(attributes);
  for (let index = 0; index < 300; index++) tree.set(`/many/${index}`, file(pattern(index, index)));
  const linked = file("linked", { xattrs: new Map([["user.a", pattern(30)]]) });
  for (const path of ["/a", "/b", "/d/c"]) tree.set(path, linked);
  tree.set("/large", file(pattern(50_000)));
  tree.set("/sparse", file(sparseSource(200_000, [100, 90_000])));
  tree.set("/link", symlink("target"));
  tree.set("/null", { ...attributes, type: "character-device", major: 1, minor: 3, xattrs: linked.xattrs });
  tree.set("/fifo", { ...attributes, type: "fifo" });
  for (const compression of ["zstd", "xz", "gzip"] as const)
    images.push(readAll((await planSquashfs(tree, { compression, blockSizeBytes: 4096 })).source));
  images.push(await storedImage());
});

/** From mksquashfs, nothing compressed: changes in its tables make other tables that can be read. */
async function storedImage(): Promise<Uint8Array> {
  const [directory, path] = [join(scratch, "host"), join(scratch, "stored.img")];
  mkdirSync(join(directory, "many"), { recursive: true });
  for (let index = 0; index < 30; index++) writeFileSync(join(directory, `many/${index}`), `${index}`);
  writeFileSync(join(directory, "large"), pattern(50_000));
  const definitions = ["null c 666 0 0 1 3", "pipe i 600 1 1 f", "large x user.a=value", "null x user.a=value"];
  const { status, output } = await runOracle("mksquashfs", [
    ...[directory, path, "-noappend", "-quiet", "-no-progress", "-b", "4096"],
    ...["-noI", "-noD", "-noF", "-noX", "-noId"],
    ...definitions.flatMap((definition) => ["-p", definition]),
  ]);
  if (status !== 0) throw new Error(output);
  return readFileSync(path);
}

/** Reads an image as whoever looks into it does; nothing but a CloudimgError may come of it. */
function look(bytes: Uint8Array): "read" | string {
  const source = bytesSource(bytes);
  if (!squashfsReader.detect(source)) return "other";
  try {
    const { tree, sizeBytes } = squashfsReader.read(source);
    expect(sizeBytes).toBeLessThanOrEqual(bytes.length);
    for (const [, node] of tree.entries()) {
      if (node.type !== "file") continue;
      const { content } = node;
      let end = 0;
      for (const { offsetBytes, lengthBytes } of content.extents) {
        expect(offsetBytes).toBeGreaterThanOrEqual(end);
        expect(lengthBytes).toBeGreaterThan(0);
        end = offsetBytes + lengthBytes;
        content.read(new Uint8Array(Math.min(lengthBytes, 100_000)), offsetBytes);
      }
      expect(end).toBeLessThanOrEqual(content.sizeBytes);
    }
    return "read";
  } catch (error) {
    if (error instanceof CloudimgError) return error.code;
    throw error;
  }
}

test("images that were changed anywhere give a result or an error of ours", () => {
  const change = fc.record({
    at: fc.noBias(fc.nat(2 ** 31 - 1)),
    isNearStart: fc.constantFrom(true, false, false, false),
    bytes: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
      fc.constantFrom(new Uint8Array(4), new Uint8Array(4).fill(0xff), new Uint8Array(8).fill(0x7f)),
    ),
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.nat(3), fc.array(change, { minLength: 1, maxLength: 5 }), (index, changes) => {
      const image = new Uint8Array(images[index] as Uint8Array);
      for (const { at, isNearStart, bytes } of changes) {
        // Anywhere but in the magic number.
        const offset = 4 + (at % ((isNearStart ? 96 : image.length) - 4));
        image.set(bytes.subarray(0, image.length - offset), offset);
      }
      seen.add(look(image));
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["image/damaged", "read"]));
}, 3_600_000);
