import { truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ext4Writer } from "../../../src/build/filesystems/ext4.ts";
import {
  type Ext4FeatureProfile,
  type Ext4Options,
  optionsWithFeatures,
} from "../../../src/build/filesystems/ext4-profiles.ts";
import type { FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { checkExt4, ext4Header, statExt4, textOfExt4 } from "./ext4-reader.ts";
import { fileSystemWriterContract } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { problemsOf, request, treeOf } from "./requests.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");

const profiles: Readonly<Record<Exclude<Ext4FeatureProfile, "portable">, string>> = {
  modern:
    "has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg metadata_csum_seed sparse_super large_file huge_file dir_nlink extra_isize metadata_csum",
  dragonos:
    "ext_attr resize_inode filetype extent 64bit flex_bg sparse_super large_file huge_file dir_nlink extra_isize",
  asterinas: "filetype sparse_super large_file",
  "grub-old":
    "has_journal ext_attr resize_inode dir_index filetype extent sparse_super large_file huge_file dir_nlink extra_isize",
};
const names = Object.keys(profiles) as (keyof typeof profiles)[];

function plan(tree: Tree, options: Ext4Options, more: Partial<FileSystemRequest> = {}) {
  return ext4Writer(options).plan(request(tree, more));
}

/** Writes the tree, has e2fsck look at it, and reads it back. */
async function expectReadBack(tree: Tree, options: Ext4Options, more: Partial<FileSystemRequest> = {}) {
  const planned = plan(tree, options, more);
  await writeImage(planned.source, image);
  await checkExt4(image);
  expect(await textOfExt4(image, scratch)).toEqual(textOfTree(tree));
  return planned;
}

/** Of every kind, and in sizes at which maps, indexes and attributes change their form. */
function allKinds(): Tree {
  const tree = treeOf({
    "/null": { ...attributes, type: "character-device", major: 1, minor: 3 },
    "/link": symlink("t".repeat(100)),
    "/large": file(pattern(6_000_000)),
    "/fragments": file(
      sparseSource(
        3000 * 8192,
        [...Array(3000).keys()].map((index) => index * 8192),
      ),
    ),
    "/attributes": file("", {
      xattrs: new Map([
        ["user.a", pattern(40)],
        ["user.b", pattern(700)],
      ]),
    }),
  });
  for (let index = 0; index < 2000; index++) tree.set(`/many/entry number ${index}`, file(""));
  return tree;
}

describe.each(names)("%s", (features) => {
  fileSystemWriterContract(ext4Writer({ features }), 4096);

  test("has exactly these features, and each has its reason", async () => {
    const { source, features: explained = [] } = plan(treeOf({}), { features });
    await writeImage(source, image);
    const header = await ext4Header(image);
    expect(header["Filesystem features"]).toBe(profiles[features]);
    const told = explained.map(({ name }) => name);
    expect(told.filter((name) => !name.startsWith("^")).sort()).toEqual(profiles[features].split(" ").sort());
    expect(told.filter((name) => profiles[features].split(" ").includes(name.slice(1)))).toEqual([]);
    expect(explained.filter(({ reason }) => reason.length < 20 || reason.includes("\n"))).toEqual([]);
    expect(header).toMatchObject({
      "Block size": "4096",
      "Fragment size": "4096",
      "Inode size": "256",
      "First block": "0",
      "Errors behavior": "Continue",
      "Filesystem OS type": "Linux",
    });
  });

  test("holds files of every kind, and of the sizes at which their maps change", () =>
    expectReadBack(allKinds(), { features }, { size: { freeBytes: 200e6 } }));

  test("across several groups", () =>
    expectReadBack(
      treeOf({ "/large": file(sparseSource(150e6, [0, 145e6], 3e6)) }),
      { features },
      {
        size: { exactBytes: 300e6 },
      },
    ));

  test("a file lies where the plan says", async () => {
    const tree = treeOf({
      "/boot/kernel": file(pattern(5_000_001)),
      "/kernel": symlink("boot/kernel"),
      "/empty": file(""),
    });
    const { source, locate } = plan(tree, { features });
    const extents = locate?.("/kernel") ?? [];
    const bytes = extents.map(({ offsetBytes, lengthBytes }) => {
      const piece = new Uint8Array(lengthBytes);
      source.read(piece, offsetBytes);
      return piece;
    });
    expect(extents).toHaveLength(1);
    expect(Buffer.compare(Buffer.concat(bytes), pattern(5_000_001))).toBe(0);
    expect([locate?.("/empty"), locate?.("/boot"), locate?.("/none")]).toEqual([[], undefined, undefined]);
  });
});

describe("checksums", () => {
  test("in an index of two levels and a tree of extents of two levels", async () => {
    const tree = treeOf({
      "/fragments": file(
        sparseSource(
          1500 * 8192,
          [...Array(1500).keys()].map((index) => index * 8192),
        ),
      ),
    });
    for (let index = 0; index < 9000; index++) tree.set(`/deep/${String(index).padEnd(250, ".")}`, file(""));
    await writeImage(plan(tree, { features: "modern" }).source, image);
    await checkExt4(image);
    const { output } = await runOracle("debugfs", ["-R", "htree_dump /deep", image], "latin1");
    expect(output).toContain("Indirect levels: 1");
  });

  test("notice a changed byte of a directory", async () => {
    await writeImage(plan(treeOf({ "/a": file("") }), { features: "modern" }).source, image);
    const first = /\(0\):(\d+)/.exec(await statExt4(image, scratch, "/"))?.[1];
    await runOracle("debugfs", ["-w", "-R", `zap_block -o 4000 -l 4 -p 0x41 ${first}`, image]);
    await expect(checkExt4(image)).rejects.toThrow("checksum");
  });
});

test("features tell what they were made with", () => {
  for (const features of names) {
    const journal = profiles[features].includes("has_journal");
    expect(optionsWithFeatures(profiles[features].split(" "))).toEqual({ features, journal });
  }
  expect(optionsWithFeatures(["filetype", "extent"])).toBeUndefined();
});

test.each(["modern", "dragonos", "grub-old"] as const)(
  "%s grows to 20 GiB by resize2fs",
  async (features) => {
    const tree = allKinds();
    await writeImage(plan(tree, { features }).source, image);
    truncateSync(image, 20 * 2 ** 30);
    const { status } = await runOracle("resize2fs", [image], "latin1");
    expect(status).toBe(0);
    await checkExt4(image);
    expect(await textOfExt4(image, scratch)).toEqual(textOfTree(tree));
  },
  120_000,
);

describe("a journal", () => {
  test.each(["portable", "dragonos", "modern", "grub-old"] as const)("%s with it and without", async (features) => {
    for (const journal of [true, false]) {
      const planned = await expectReadBack(treeOf({ "/a": file("a") }), { features, journal });
      const header = await ext4Header(image);
      expect(header["Filesystem features"]?.includes("has_journal")).toBe(journal);
      expect(planned.notes).toContain(journal ? "journal 4 MiB" : "no journal");
    }
  });

  test("cannot be had by strict ext2", () =>
    expect(problemsOf(() => plan(treeOf({}), { features: "asterinas", journal: true }))).toEqual([
      {
        code: "image/unsupported",
        message: 'cannot give an ext4 file system with the features "asterinas" a journal',
        hint: "leave the journal out, or choose other features",
      },
    ]));
});

describe("strict ext2", () => {
  const features = "asterinas";

  test.each([12, 13, 1036, 1037, 1036 + 1024 ** 2, 1037 + 1024 ** 2])(
    "a file whose last block is number %d",
    async (blocks) => {
      const last = (blocks - 1) * 4096;
      const tree = treeOf({ "/file": file(sparseSource(blocks * 4096, [0, last])) });
      await writeImage(plan(tree, { features }).source, image);
      await checkExt4(image);
      // Two blocks of content, and those of the map: one, two or three levels.
      const map = blocks <= 12 ? 0 : blocks <= 1036 ? 1 : blocks <= 1036 + 1024 ** 2 ? 2 : 3;
      expect(await statExt4(image, scratch, "/file")).toContain(`Blockcount: ${(2 + map) * 8}\n`);
    },
  );

  test("has extended attributes only if something has them", async () => {
    const tree = treeOf({ "/a": file("", { xattrs: new Map([["user.a", pattern(3)]]) }) });
    const { features: explained } = await expectReadBack(tree, { features });
    expect((await ext4Header(image))["Filesystem features"]).toBe("ext_attr filetype sparse_super large_file");
    expect(explained?.map(({ name }) => name)).toContain("ext_attr");
  });

  test("a directory may have 32,000 links and no more", async () => {
    const tree = treeOf({});
    for (let index = 0; index < 31_998; index++) tree.set(`/many/${index}`, { ...attributes, type: "directory" });
    await writeImage(plan(tree, { features }).source, image);
    await checkExt4(image);
    tree.set("/many/one more", { ...attributes, type: "directory" });
    expect(problemsOf(() => plan(tree, { features }))[0]?.message).toBe(
      "cannot put /many into an ext4 file system: it has 31999 subdirectories, and 31998 are the limit",
    );
  }, 60_000);

  test("its first block holds all that its root needs: no index, whatever the size", async () => {
    const tree = treeOf({});
    for (let index = 0; index < 2000; index++) tree.set(`/many/${index}`, file(""));
    await expectReadBack(tree, { features });
    expect(await statExt4(image, scratch, "/many")).toContain("Flags: 0x0");
  });
});
