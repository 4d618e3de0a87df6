import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ext4Writer } from "../../../src/build/filesystems/ext4.ts";
import { ext4Reader } from "../../../src/build/filesystems/ext4-reader.ts";
import { bytesSource } from "../../../src/core/byte-source.ts";
import { isZero } from "../../../src/core/checksums.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { runOracle } from "../../oracles/run.ts";
import { file, pattern, scratchDirectory, sparseSource, symlink } from "./images.ts";
import { request, treeOf } from "./requests.ts";

const scratch = scratchDirectory();
/** In all, over all images. */
const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300);

/** Numbers that follow one another as if by chance, the same at each run (mulberry32). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

async function byMke2fs(options: readonly string[]): Promise<Uint8Array> {
  const directory = join(scratch, "host");
  mkdirSync(join(directory, "many"), { recursive: true });
  for (const size of [0, 50, 150, 5000, 40_000]) writeFileSync(join(directory, `file-${size}`), pattern(size));
  for (let index = 0; index < 100; index++) writeFileSync(join(directory, `many/entry number ${index}`), "");
  for (const length of [5, 100])
    symlinkSync("t".repeat(length), join(directory, `link-${length}-${options.length}${options[1]}`));
  const image = join(scratch, "image");
  writeFileSync(image, "");
  truncateSync(image, 4 * 2 ** 20);
  await runOracle("mke2fs", ["-q", "-F", "-t", "ext4", "-N", "200", "-d", directory, ...options, image]);
  const value = join(scratch, "value");
  writeFileSync(value, pattern(3000));
  for (const command of ["ea_set file-50 user.a value", `ea_set -f ${value} file-150 user.large`])
    await runOracle("debugfs", ["-w", "-R", command, image]);
  return new Uint8Array(readFileSync(image));
}

function byUs(features: "portable" | "modern" | "asterinas"): Uint8Array {
  const tree = treeOf({
    "/a/b/c": file(pattern(60_000)),
    "/link": symlink("x".repeat(80)),
    "/fragments": file(
      sparseSource(
        30 * 8192,
        [...Array(30).keys()].map((index) => index * 8192),
      ),
    ),
    "/x": file("x", {
      xattrs: new Map([
        ["user.a", pattern(40)],
        ["user.b", pattern(700)],
      ]),
    }),
  });
  for (let index = 0; index < 300; index++) tree.set(`/many/entry number ${index}`, file(""));
  const { source } = ext4Writer({ features, journal: false }).plan(request(tree));
  const bytes = new Uint8Array(source.sizeBytes);
  source.read(bytes, 0);
  return bytes;
}

/** Reads all there is to read; gives its size in nodes, or nothing if that is refused as it should be. */
function readAll(image: Uint8Array): number | undefined {
  const orRefused = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (error instanceof CloudimgError && error.code.startsWith("image/")) return undefined;
      throw error;
    }
  };
  return orRefused(() => {
    const source = bytesSource(image);
    if (!ext4Reader.detect(source)) return undefined;
    const { tree } = ext4Reader.read(source);
    let nodes = 0;
    for (const [, node] of tree.entries()) {
      nodes++;
      if (node.type !== "file") continue;
      orRefused(() => {
        const { content } = node;
        for (const { offsetBytes, lengthBytes } of content.extents.slice(0, 1000)) {
          if (offsetBytes + lengthBytes > content.sizeBytes) throw new Error("an extent ends behind its file");
          content.read(new Uint8Array(Math.min(lengthBytes, 100_000)), offsetBytes);
        }
      });
    }
    return nodes;
  });
}

function copyOver(image: Uint8Array, to: number, from: number, length: number): void {
  image.copyWithin(to, from, from + Math.min(length, image.length - to));
}

/** Some bytes somewhere in what is not zero: flipped, filled, replaced by another place's. */
function mutate(image: Uint8Array, places: readonly number[], random: (below: number) => number): () => void {
  const undo: (() => void)[] = [];
  for (let count = 1 + random(4); count > 0; count--) {
    const at = (places[random(places.length)] as number) + 4 * random(16);
    const length = [1, 2, 4, 4, 4, 64, 1024][random(7)] as number;
    const before = image.slice(at, at + length);
    undo.push(() => image.set(before, at));
    const kind = random(5);
    if (kind === 0) image.fill(random(256), at, at + length);
    else if (kind === 1) image.fill(0xff, at, at + length);
    else if (kind === 2) copyOver(image, at, places[random(places.length)] as number, length);
    else for (let index = at; index < at + length && index < image.length; index++) image[index] = random(256);
  }
  return () => {
    for (const step of undo.reverse()) step();
  };
}

test(`${runs} images with something wrong give a result or an error, in little time`, async () => {
  const images = [
    byUs("portable"),
    byUs("modern"),
    byUs("asterinas"),
    await byMke2fs(["-b", "1024"]),
    await byMke2fs(["-O", "inline_data,metadata_csum"]),
    await byMke2fs(["-O", "^extents,^64bit,ea_inode,^metadata_csum"]),
  ];
  const random = randomNumbers(4711);
  let readable = 0;
  let slowestMs = 0;
  for (const image of images) {
    expect(readAll(image)).toBeGreaterThan(100);
    const places: number[] = [];
    for (let at = 1024; at < image.length; at += 64) if (!isZero(image.subarray(at, at + 64))) places.push(at);
    for (let run = 0; run < runs / images.length; run++) {
      const undo = mutate(image, places, random);
      const startMs = performance.now();
      if (readAll(image) !== undefined) readable++;
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      undo();
    }
    expect(readAll(image)).toBeGreaterThan(100);
  }
  // Some are harmless and some are not, or the test tests nothing.
  expect(readable).toBeGreaterThan(runs / 20);
  expect(readable).toBeLessThan(runs);
  expect(slowestMs).toBeLessThan(2000);
}, 600_000);
