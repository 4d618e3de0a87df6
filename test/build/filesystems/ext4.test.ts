import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { zeroSource } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { checkExt4, ext4Header, statExt4, textOfExt4 } from "./ext4-reader.ts";
import { digestOf } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { planExt4, treeOf } from "./requests.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");

/** Writes the tree, has e2fsck look at it, and reads it back. */
async function expectReadBack(tree: Tree, more: Partial<FileSystemRequest> = {}): Promise<void> {
  await writeImage(planExt4(tree, more).source, image);
  await checkExt4(image);
  expect(await textOfExt4(image, scratch)).toEqual(textOfTree(tree));
}

test("the header: portable features, no others, and room to grow to 2 TiB", async () => {
  await writeImage(planExt4(treeOf({}), { size: { freeBytes: 20e6 } }).source, image);
  const header = await ext4Header(image);
  expect(header).toMatchObject({
    "Filesystem volume name": "root",
    "Last mounted on": "<not available>",
    "Filesystem UUID": "6f1d7c52-0b7e-8a31-9c4e-2f4c8e0d5b11",
    "Filesystem features":
      "has_journal ext_attr resize_inode dir_index filetype extent flex_bg sparse_super large_file huge_file dir_nlink extra_isize",
    "Filesystem state": "clean",
    "Errors behavior": "Continue",
    "Default mount options": "user_xattr acl",
    "Reserved block count": "0",
    "Block size": "4096",
    "Inode size": "256",
    "Reserved GDT blocks": "127",
    "Filesystem created": "Tue Nov 14 22:13:20 2023",
    "Last mount time": "n/a",
    "Maximum mount count": "-1",
    "Default directory hash": "half_md4",
    "Journal backup": "inode blocks",
    "Total journal size": "4096k",
    "First inode": "11",
  });
  expect(header["Directory Hash Seed"]).not.toBe("00000000-0000-0000-0000-000000000000");
});

describe("what is read back equals the tree", () => {
  test("an empty tree", () => expectReadBack(treeOf({})));

  test("files of no block, one block ± 1, and many blocks", () =>
    expectReadBack(
      treeOf(
        Object.fromEntries(
          [0, 1, 4095, 4096, 4097, 1_000_000].map((size) => [`/file-${size}`, file(pattern(size, size))]),
        ),
      ),
    ));

  test("symbolic links of 1, 59, 60 and 4095 bytes", () =>
    expectReadBack(
      treeOf(
        Object.fromEntries([1, 59, 60, 61, 4095].map((length) => [`/link-${length}`, symlink("t".repeat(length))])),
      ),
    ));

  test("devices in the old and the new encoding, fifo, socket", () =>
    expectReadBack(
      treeOf({
        "/dev/null": { ...attributes, mode: 0o666, type: "character-device", major: 1, minor: 3 },
        "/dev/edge": { ...attributes, mode: 0o600, type: "block-device", major: 255, minor: 255 },
        "/dev/sd": { ...attributes, mode: 0o660, gid: 6, type: "block-device", major: 8, minor: 300 },
        "/dev/large": { ...attributes, mode: 0o600, type: "character-device", major: 4095, minor: 1_048_575 },
        "/run/fifo": { ...attributes, mode: 0o600, type: "fifo" },
        "/run/socket": { ...attributes, mode: 0o777, type: "socket" },
      }),
    ));

  test("owners above 65535, set-id and sticky bits", () =>
    expectReadBack(
      treeOf({
        "/home": { ...attributes, type: "directory", uid: 4_294_967_294, gid: 65_536, mode: 0o1777 },
        "/home/su": file("su", { uid: 100_000, gid: 65_535, mode: 0o6755 }),
        "/home/none": file("none", { mode: 0 }),
      }),
    ));

  test("times before 1970, past 2038 and past 2106", () =>
    expectReadBack(
      treeOf(
        Object.fromEntries(
          [-(2 ** 31), -1, 0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 33 + 5, 2 ** 34 - 2 ** 31 - 1].map(
            (mtime, index) => [`/time-${index}`, file("", { mtime })],
          ),
        ),
      ),
    ));

  test("names of 1 and 255 bytes, with blanks, in UTF-8 and in no encoding", () =>
    expectReadBack(
      treeOf(
        Object.fromEntries(
          [
            "a",
            "n".repeat(255),
            " two  words ",
            "名前",
            "emoji 🦊",
            '"quoted"',
            "back\\slash",
            "byte \udcff\udc80",
          ].map((name) => [`/${name}`, file(name)]),
        ),
      ),
    ));

  test("hard links of files, devices and symbolic links; equal files that are not linked", async () => {
    const shared = file("shared");
    const device: Node = { ...attributes, type: "character-device", major: 5, minor: 1 };
    const link = symlink("x".repeat(100));
    const tree = treeOf({
      "/a": shared,
      "/d/b": shared,
      "/c": shared,
      "/e": device,
      "/f": device,
      "/g": link,
      "/h": link,
    });
    tree.set("/i", { ...shared });
    await expectReadBack(tree);
    expect(await statExt4(image, scratch, "/a")).toContain("Links: 3 ");
    expect(await statExt4(image, scratch, "/i")).toContain("Links: 1 ");
  });

  test("one node object for several directories makes several directories", () => {
    const directory: Node = { ...attributes, type: "directory" };
    return expectReadBack(treeOf({ "/a": directory, "/b": directory, "/b/c": directory }));
  });

  test("a lost+found of one's own keeps its owner", async () => {
    const tree = treeOf({ "/lost+found": { ...attributes, type: "directory", mode: 0o750, uid: 7 } });
    await writeImage(planExt4(tree).source, image);
    await checkExt4(image);
    expect(await statExt4(image, scratch, "<11>")).toMatch(/Mode: {2}0750[\s\S]*User: {5}7 /);
  });

  test("extended attributes in the inode, in a block, and in both", () =>
    expectReadBack(
      treeOf({
        "/one": file("", { xattrs: new Map([["user.a", Buffer.from("value")]]) }),
        "/empty": file("", { xattrs: new Map([["user.empty", new Uint8Array(0)]]) }),
        "/all-spaces": file("", {
          xattrs: new Map([
            ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
            ["trusted.overlay.opaque", Buffer.from("y")],
            ["user.mime_type", Buffer.from("text/plain")],
          ]),
        }),
        "/inode-full": file("", { xattrs: new Map([["user.abcd", pattern(68)]]) }),
        "/inode-full-and-one": file("", { xattrs: new Map([["user.abcd", pattern(69)]]) }),
        "/block-full": file("", { xattrs: new Map([["user.abcd", pattern(4040)]]) }),
        "/many": file("", {
          xattrs: new Map(Array.from({ length: 40 }, (_, index) => [`user.number-${index}`, pattern(index, index)])),
        }),
        "/directory": { ...attributes, type: "directory", xattrs: new Map([["user.x", pattern(3000)]]) },
        "/link": { ...symlink("target"), xattrs: new Map([["trusted.x", pattern(5)]]) },
      }),
    ));

  test("access control lists, which are kept in another form than programs see", async () => {
    const acl = Buffer.from(
      "02000000" +
        ["0100 0600 ffffffff", "0200 0400 e8030000", "0400 0400 ffffffff", "1000 0400 ffffffff", "2000 0000 ffffffff"]
          .join("")
          .replaceAll(" ", ""),
      "hex",
    );
    await expectReadBack(
      treeOf({
        "/file": file("", { xattrs: new Map([["system.posix_acl_access", acl]]) }),
        "/directory": { ...attributes, type: "directory", xattrs: new Map([["system.posix_acl_default", acl]]) },
      }),
    );
  });

  test("equal attributes share a block, at most 1024 inodes each", async () => {
    const xattrs = new Map([["user.shared", pattern(500)]]);
    const tree = treeOf(
      Object.fromEntries(Array.from({ length: 1025 }, (_, index) => [`/f${index}`, file("", { xattrs })])),
    );
    const without = treeOf(Object.fromEntries(Array.from({ length: 1025 }, (_, index) => [`/f${index}`, file("")])));
    expect(planExt4(tree).source.sizeBytes - planExt4(without).source.sizeBytes).toBe(2 * 4096);
    await expectReadBack(tree);
  });
});

describe("holes", () => {
  test("stay holes, to the block", async () => {
    const source = sparseSource(100 * 4096 + 17, [0, 4096 * 3 + 4000, 4096 * 50 - 50, 100 * 4096]);
    await expectReadBack(treeOf({ "/sparse": file(source) }));
    // Blocks 0, 3, 4 (the patch crosses), 49, 50, 100.
    expect(await statExt4(image, scratch, "/sparse")).toContain("Blockcount: 48");
  });

  test("a file that is one hole", async () => {
    await expectReadBack(treeOf({ "/hole": file(zeroSource(10_000_000)) }));
    expect(await statExt4(image, scratch, "/hole")).toContain("Blockcount: 0");
  });

  test("a file of 5 GiB with data in three places", async () => {
    const offsets = [0, 3 * 2 ** 30, 5 * 2 ** 30 - 100];
    await writeImage(planExt4(treeOf({ "/large": file(sparseSource(5 * 2 ** 30, offsets)) })).source, image);
    await checkExt4(image);
    const stat = await statExt4(image, scratch, "/large");
    expect(stat).toContain("Size: 5368709120");
    expect(stat).toContain("Blockcount: 24");
    expect([...stat.matchAll(/\((\d+)\):/g)].map(([, block]) => Number(block))).toEqual([0, 786_432, 1_310_719]);
  });

  test.each([
    [4, 0, 4],
    [5, 1, 6],
    [1360, 1, 1364],
    [1361, 2, 1367],
  ])("a file of %d fragments has an extent tree of depth %d", async (fragments, depth, blocks) => {
    const offsets = Array.from({ length: fragments }, (_, index) => index * 8192);
    await expectReadBack(treeOf({ "/fragments": file(sparseSource(fragments * 8192, offsets)) }));
    const stat = await statExt4(image, scratch, "/fragments");
    expect(stat).toContain(`Blockcount: ${blocks * 8}\n`);
    expect(stat.includes("(ETB0)")).toBe(depth > 0);
  });
});

describe("directories", () => {
  test("of 10,000 entries, found by their hash", async () => {
    const tree = treeOf({ "/huge": { ...attributes, type: "directory" } });
    for (let index = 0; index < 10_000; index++) tree.set(`/huge/entry number ${index}`, file(""));
    await expectReadBack(tree);
    expect(await statExt4(image, scratch, "/huge")).toContain("Flags: 0x81000");
  });

  test("that fill one block exactly, and one entry more", async () => {
    // 24 bytes for the dots, 15 records of 260 bytes, one of 172.
    const names = [...Array(15)]
      .map((_, index) => `${index}`.padStart(2, "0").padEnd(252, "x"))
      .concat("y".repeat(164));
    const tree = treeOf(Object.fromEntries(names.map((name) => [`/full/${name}`, file("")])));
    await expectReadBack(tree);
    expect(await statExt4(image, scratch, "/full")).toContain("Size: 4096");
    tree.set("/full/z", file(""));
    await expectReadBack(tree);
    // The dots move to the index's root, so the entries still fit one block.
    expect(await statExt4(image, scratch, "/full")).toContain("Size: 8192");
  });

  test("with an index of two levels", async () => {
    const tree = treeOf({});
    const shared = file("shared");
    for (let index = 0; index < 9000; index++)
      tree.set(`/deep/${String(index).padEnd(250, ".")}`, index % 10 === 0 ? shared : file(""));
    await expectReadBack(tree);
    const { output } = await runOracle("debugfs", ["-R", "htree_dump /deep", image], "latin1");
    expect(output).toContain("Indirect levels: 1");
  });

  test("with 70,000 subdirectories have a link count of 1 (dir_nlink)", async () => {
    const tree = treeOf({});
    for (let index = 0; index < 70_000; index++) tree.set(`/many/${index}`, { ...attributes, type: "directory" });
    await writeImage(planExt4(tree).source, image);
    await checkExt4(image);
    expect(await statExt4(image, scratch, "/many")).toContain("Links: 1 ");
  }, 120_000);
});

describe("the same request gives the same bytes", () => {
  const nodes: Record<string, Node> = {
    "/a": file("a", {
      xattrs: new Map([
        ["user.b", pattern(3)],
        ["user.a", pattern(2)],
      ]),
    }),
    "/b/c": file("c", {
      xattrs: new Map([
        ["user.a", pattern(2)],
        ["user.b", pattern(3)],
      ]),
    }),
    "/b/d": symlink("c"),
  };
  const tree = treeOf(nodes);
  for (let index = 0; index < 500; index++) tree.set(`/e/${index}`, file(""));
  const first = digestOf(planExt4(tree).source);

  test("again", () => expect(digestOf(planExt4(tree).source)).toBe(first));

  test("in whatever order the tree was made", () => {
    const other = new Tree(attributes);
    for (let index = 499; index >= 0; index--) other.set(`/e/${index}`, file(""));
    for (const [path, node] of Object.entries(nodes).reverse()) other.set(path, node);
    expect(digestOf(planExt4(other).source)).toBe(first);
  });

  test("but another seed gives other hashes", () =>
    expect(digestOf(planExt4(tree, { seed: "other" }).source)).not.toBe(first));
});
