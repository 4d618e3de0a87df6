import { truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ext4 } from "../../../src/build/filesystems/ext4.ts";
import { zeroSource } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { checkExt4, ext4Header, textOfExt4 } from "./ext4-reader.ts";
import { fileSystemWriterContract, neededIn } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, writeImage } from "./images.ts";
import { planExt4, problemsOf, treeOf } from "./requests.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");
const block = 4096;
const group = 32_768 * block;

fileSystemWriterContract(ext4, block);

/** A tree whose one file takes so much room without having content. */
function treeOfBytes(bytes: number): Tree {
  const content = {
    sizeBytes: bytes,
    extents: [{ offsetBytes: 0, lengthBytes: bytes }],
    read: zeroSource(bytes).read,
  };
  return treeOf({ "/large": file(content) });
}

async function headerOf(tree: Tree, size: { exactBytes: number } | { freeBytes: number }) {
  const plan = planExt4(tree, { size });
  await writeImage(plan.source, image);
  await checkExt4(image);
  return { plan, header: await ext4Header(image) };
}

describe("a size that is computed", () => {
  // Around the ends of groups 0, 1 and 2, where a superblock's copy and another inode table come in.
  test.each([0, 1, 100e6, 128e6, 130e6, 140e6, 260e6, 400e6, 1000e6])(
    "leaves exactly %d bytes free, or the next block",
    async (freeBytes) => {
      const { plan, header } = await headerOf(treeOf({ "/etc/hostname": file("host") }), { freeBytes });
      const blocks = Number(header["Block count"]);
      const kernelReserve = Math.min(4096, Math.floor(blocks / 50));
      const usable = Math.max(0, Number(header["Free blocks"]) - kernelReserve) * block;
      expect(plan.source.sizeBytes).toBe(blocks * block);
      expect(plan.freeBytes).toBe(usable);
      expect(usable).toBe(Math.ceil(freeBytes / block) * block);
    },
  );

  test.each([110e6, 120e6, 125e6, 250e6, 2000e6])("fits contents of %d bytes with nothing to spare", async (bytes) => {
    const { header } = await headerOf(treeOfBytes(bytes), { freeBytes: 0 });
    expect(header["Free blocks"]).toBe("0");
  });
});

describe("an exact size", () => {
  test.each([
    ["one group and a few blocks drops the few", group + 100 * block, 32_768],
    ["one group and a useful part keeps it", group + 1000 * block, 33_768],
    ["no whole number of blocks leaves the rest unused", 50_000_000, 12_207],
  ])("of %s", async (_, exactBytes, blocks) => {
    const { plan, header } = await headerOf(treeOf({}), { exactBytes });
    expect(plan.source.sizeBytes).toBe(exactBytes);
    expect(header["Block count"]).toBe(String(blocks));
  });

  test.each([5e6, 100e6, 127e6, 129e6, 200e6, 500e6, 1100e6])(
    "that contents of %d bytes need works, and a block less says the same number",
    async (bytes) => {
      const tree = treeOfBytes(bytes);
      const neededBytes = neededIn(problemsOf(() => planExt4(tree, { size: { exactBytes: 1e6 } }))[0]?.message);
      const { header } = await headerOf(tree, { exactBytes: neededBytes });
      expect(header["Total journal size"]).toBe("4096k");
      const [problem] = problemsOf(() => planExt4(tree, { size: { exactBytes: neededBytes - block } }));
      expect(problem?.message).toContain(`need ${neededBytes} bytes`);
    },
  );

  test("with much room gets the usual journal, with little a smaller one", async () => {
    const exactBytes = 300 * 2 ** 20;
    const usual = await headerOf(treeOfBytes(200 * 2 ** 20), { exactBytes });
    expect(usual.header["Total journal size"]).toBe("16M");
    const tight = await headerOf(treeOfBytes(280 * 2 ** 20), { exactBytes });
    expect(tight.header["Total journal size"]).toMatch(/^(4096k|8192k|8M)$/);
  });
});

describe("inodes", () => {
  test("one for each 16 KiB", async () => {
    const { header } = await headerOf(treeOf({}), { exactBytes: 1024 ** 3 });
    expect(header["Inode count"]).toBe("65536");
    expect(header["Inodes per group"]).toBe("8192");
    expect(planExt4(treeOf({}), { size: { exactBytes: 1024 ** 3 } }).notes).toEqual([
      "4 KiB blocks",
      "65536 inodes",
      "journal 32 MiB",
      "can grow to 2 TiB while mounted",
    ]);
  });

  test("more if the tree needs more, and some to spare", async () => {
    const tree = treeOf({});
    for (let index = 0; index < 20_000; index++) tree.set(`/${index % 40}/${index}`, file(""));
    const { header } = await headerOf(tree, { freeBytes: 1e6 });
    expect(Number(header["Free inodes"])).toBeGreaterThan(2000);
  });

  test("more than a group can have make a second group", async () => {
    const tree = treeOf({});
    for (let index = 0; index < 40_000; index++) tree.set(`/${index % 40}/${index}`, file(""));
    const { header } = await headerOf(tree, { freeBytes: 0 });
    expect(Number(header["Inodes per group"])).toBeLessThanOrEqual(32_768);
    expect(Number(header["Inode count"])).toBeGreaterThan(40_000);
    expect(Number(header["Block count"])).toBeGreaterThan(32_768);
  });
});

describe("files across groups", () => {
  test("go round the copies of the superblock", async () => {
    const offsets = Array.from({ length: 40 }, (_, index) => index * 16 * 2 ** 20);
    const large = treeOfBytes(450e6);
    large.set("/sparse", file(sparseSource(700 * 2 ** 20, offsets)));
    for (let index = 0; index < 100; index++) large.set(`/small/${index}`, file(pattern(5000, index)));
    const { plan } = await headerOf(large, { freeBytes: 10e6 });
    expect(plan.source.sizeBytes).toBeGreaterThan(3 * group);
  });
});

describe("growing", () => {
  const tree = treeOf({
    "/etc/hostname": file("host"),
    "/data": file(pattern(3_000_000)),
    "/dir": { ...attributes, type: "directory", mode: 0o700 },
  });

  // With and without backup groups at the start; across the step where a second descriptor block is needed (16 GiB).
  test.each([
    ["one group", 0, 20 * 2 ** 30],
    ["one group", 0, 2 ** 41],
    ["eleven groups", 1.4e9, 20 * 2 ** 30],
  ])(
    "of %s with %d bytes free to %d bytes, by resize2fs",
    async (_, freeBytes, sizeBytes) => {
      await writeImage(planExt4(tree, { size: { freeBytes } }).source, image);
      truncateSync(image, sizeBytes);
      const { status, output } = await runOracle("resize2fs", [image], "latin1");
      expect(output).toContain(`is now ${sizeBytes / block} (4k) blocks long`);
      expect(status).toBe(0);
      await checkExt4(image);
      expect((await ext4Header(image))["Filesystem features"]).toContain("resize_inode");
      expect(await textOfExt4(image, scratch)).toEqual(textOfTree(tree));
    },
    120_000,
  );
});

test("planning 5,000 files is a matter of milliseconds", () => {
  const many = treeOf({});
  for (let index = 0; index < 5000; index++)
    many.set(`/usr/${index % 100}/${index}`, file(sparseSource(70_000, [0], 70_000)));
  planExt4(many, { size: { freeBytes: 1e8 } });
  const startMs = performance.now();
  planExt4(many, { size: { freeBytes: 1e8 } });
  expect(performance.now() - startMs).toBeLessThan(250);
});
