import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { squashfsWriter } from "../../../src/build/filesystems/squashfs.ts";
import { type ByteSource, readAll } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { digestOf, fileSystemWriterContract } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { request, treeOf } from "./requests.ts";
import { planSquashfs, textOfOurs, textOfTheirs } from "./squashfs-oracle.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "squashfs.img");
const compressions = ["zstd", "xz", "gzip"] as const;

for (const compression of compressions)
  fileSystemWriterContract({ ...squashfsWriter({ compression }), name: `squashfs with ${compression}` }, 4096, {
    isPacked: true,
  });

async function expectReadBack(tree: Tree, options: Parameters<typeof planSquashfs>[1] = {}): Promise<ByteSource> {
  const { source } = await planSquashfs(tree, options);
  await writeImage(source, image);
  expect(await textOfTheirs(image)).toEqual(textOfTree(tree));
  expect(textOfOurs(source)).toEqual(textOfTree(tree));
  return source;
}

/** Lines of `unsquashfs -stat`. */
async function statistics(): Promise<string> {
  const { status, output } = await runOracle("unsquashfs", ["-stat", image]);
  expect(status).toBe(0);
  return output;
}

/** Bytes of no use to any compressor. */
function noise(lengthBytes: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

test("the superblock, as unsquashfs tells it", async () => {
  await expectReadBack(treeOf({ "/a": file("a", { xattrs: new Map([["user.a", pattern(3)]]) }) }));
  expect((await statistics()).replace(/size \d+ .*/, "size …")).toBe(`Found a valid SQUASHFS 4:0 superblock on ${image}.
Creation or last append time Tue Nov 14 22:13:20 2023
Filesystem size …
Compression zstd
Block size 131072
Filesystem is exportable via NFS
Inodes are compressed
Data is compressed
Uids/Gids (Id table) are compressed
Fragments are compressed
Always-use-fragments option is not specified
Xattrs are compressed
Duplicates are removed
Number of fragments 1
Number of inodes 2
Number of ids 1
Number of xattr ids 1
`);
});

describe.each(compressions)("%s: what is read back equals the tree", (compression) => {
  test("an empty tree", async () => void (await expectReadBack(treeOf({}), { compression })));

  test.each([4096, 131_072, 2 ** 20])("files around blocks of %d bytes", async (blockSizeBytes) => {
    const sizes = [0, 1, blockSizeBytes - 1, blockSizeBytes, blockSizeBytes + 1, 3 * blockSizeBytes + 7];
    await expectReadBack(
      treeOf(Object.fromEntries(sizes.map((size) => [`/file-${size}`, file(pattern(size, size % 251))]))),
      { compression, blockSizeBytes },
    );
  });

  test("what cannot be compressed is stored", async () => {
    const source = await expectReadBack(treeOf({ "/noise": file(noise(300_000)) }), { compression });
    expect(source.sizeBytes).toBeLessThan(300_000 + 8192);
  });

  test("a directory of 10,000 entries", async () => {
    const tree = new Tree(attributes);
    for (let index = 0; index < 10_000; index++)
      tree.set(`/large/entry number ${index}`, index % 100 === 0 ? symlink(`${index}`) : file(`${index % 7}`));
    await expectReadBack(tree, { compression });
    // By name, through the index.
    const { output } = await runOracle("unsquashfs", ["-cat", image, "large/entry number 9999"]);
    expect(output).toBe(`${9999 % 7}`);
  });
});

describe("what is read back equals the tree", () => {
  test("symbolic links of 1 and 4095 bytes", async () => {
    await expectReadBack(treeOf({ "/short": symlink("t"), "/long": symlink("t".repeat(4095)) }));
  });

  test("devices with small and large numbers, fifo, socket", async () => {
    const nodes: Record<string, Node> = {};
    for (const type of ["character-device", "block-device"] as const)
      for (const [major, minor] of [
        [0, 0],
        [255, 255],
        [256, 256],
        [4095, 1_048_575],
      ] as const)
        nodes[`/${type}-${major}-${minor}`] = { ...attributes, type, major, minor };
    nodes["/fifo"] = { ...attributes, type: "fifo" };
    nodes["/socket"] = { ...attributes, type: "socket" };
    await expectReadBack(treeOf(nodes));
  });

  test("owners up to the largest, set-id and sticky bits, times up to the last", async () => {
    await expectReadBack(
      treeOf({
        "/owner": file("x", { uid: 2 ** 32 - 2, gid: 65_536, mode: 0o6755 }),
        "/sticky": { ...attributes, type: "directory", mode: 0o1777 },
        "/first": file("", { mtime: 0 }),
        "/last": file("", { mtime: 2 ** 32 - 1 }),
      }),
    );
  });

  test("names of 1 and 255 bytes, with blanks, in UTF-8 and in no encoding", async () => {
    const names = ["a", "n".repeat(255), "with blank", "quote'\"\\", "é漢🦊", "\udcff\udc80", "-"];
    await expectReadBack(treeOf(Object.fromEntries(names.map((name) => [`/${name}`, file(name.slice(0, 1))]))));
  });

  test("hard links of files, devices and symbolic links, in and between directories", async () => {
    const linked = file("linked");
    const device: Node = { ...attributes, type: "character-device", major: 1, minor: 3 };
    const link = symlink("target");
    await expectReadBack(
      treeOf({
        "/a": linked,
        "/b": linked,
        "/d/a": linked,
        "/d/null": device,
        "/null": device,
        "/z/l": link,
        "/l": link,
        "/equal": file("linked"),
      }),
    );
    const { output } = await runOracle("unsquashfs", ["-lls", "-full-precision", image]);
    expect(output.match(/squashfs-root\/\S+/g)?.length).toBe(10);
  });

  test("extended attributes of every kind of file, of no length and of 64 KiB", async () => {
    const xattrs = new Map([
      ["user.empty", new Uint8Array(0)],
      ["trusted.t", Buffer.from("value")],
      ["security.s", Buffer.from("v".repeat(65_536))],
    ]);
    await expectReadBack(
      treeOf({
        "/": { ...attributes, type: "directory", xattrs },
        "/file": file("x", { xattrs }),
        "/link": { ...symlink("file"), xattrs },
        "/null": { ...attributes, type: "character-device", major: 1, minor: 3, xattrs },
        "/fifo": { ...attributes, type: "fifo", xattrs },
        "/d": { ...attributes, type: "directory", xattrs },
        "/other": file("y", { xattrs: new Map([["user.a", Buffer.from("b")]]) }),
      }),
    );
    // Equal sets are one.
    expect(await statistics()).toContain("Number of xattr ids 2\n");
  });

  test("one node object for several directories makes several directories", async () => {
    const directory: Node = { ...attributes, type: "directory" };
    await expectReadBack(treeOf({ "/a": directory, "/b": directory, "/a/x": file("x") }));
  });

  test("directories whose listings begin and end anywhere in a block, and more than fit a header", async () => {
    const tree = new Tree(attributes);
    for (let length = 1; length < 60; length++)
      for (let index = 0; index < length * 9; index++)
        tree.set(`/d${length}/${"n".repeat(length)}${index}`, file(`${index % 3}`));
    await expectReadBack(tree);
  });

  test("a directory of 70,000 names of one file, whose inode is in one place", async () => {
    const one = file("one");
    const tree = new Tree(attributes);
    for (let index = 0; index < 70_000; index++) tree.set(`/d/${index}`, one);
    const { source } = await planSquashfs(tree);
    const read = textOfOurs(source);
    expect(Object.keys(read).length).toBe(70_002);
  });
});

describe("holes", () => {
  const blockSizeBytes = 131_072;

  test("are blocks of zeros that take no room, wherever they begin and end", async () => {
    const offsets = [0, 5 * blockSizeBytes - 50, 9 * blockSizeBytes, 20 * blockSizeBytes + 1000];
    const source = await expectReadBack(
      treeOf({
        "/middle": file(sparseSource(30 * blockSizeBytes, offsets)),
        "/end": file(sparseSource(30 * blockSizeBytes + 5, [0])),
        "/all": file(sparseSource(30 * blockSizeBytes + 5, [])),
        "/small": file(sparseSource(5, [])),
        "/zeros": file(new Uint8Array(10 * blockSizeBytes + 3)),
      }),
    );
    expect(source.sizeBytes).toBe(4096);
  });

  test("are never read", async () => {
    const data = { offsetBytes: 10 * blockSizeBytes + 5, lengthBytes: 100_000 };
    const content: ByteSource = {
      sizeBytes: 5 * 2 ** 40,
      extents: [data],
      read(target, offsetBytes) {
        if (offsetBytes < data.offsetBytes || offsetBytes + target.length > data.offsetBytes + data.lengthBytes)
          throw new Error("a hole was read");
        target.set(
          noise(data.lengthBytes)
            .subarray(offsetBytes - data.offsetBytes)
            .subarray(0, target.length),
        );
      },
    };
    const { source } = await planSquashfs(treeOf({ "/f": file({ ...content, sizeBytes: 40 * 2 ** 30 }) }));
    expect(source.sizeBytes).toBeLessThan(120_000);
    await writeImage(source, image);
    const { output } = await runOracle("unsquashfs", ["-lls", image]);
    expect(output).toContain(" 42949672960 ");
  });

  test("come back as holes from our reader", async () => {
    const { source } = await planSquashfs(treeOf({ "/f": file(sparseSource(30 * blockSizeBytes, [blockSizeBytes])) }));
    const { squashfsReader } = await import("../../../src/build/filesystems/squashfs-reader.ts");
    const node = squashfsReader.read(source).tree.get("/f");
    expect(node?.type === "file" && node.content.extents).toEqual([
      { offsetBytes: blockSizeBytes, lengthBytes: blockSizeBytes },
    ]);
  });
});

describe("duplicates", () => {
  test("equal files are there once, of one block and of many, with and without an end", async () => {
    const contents = [10, 131_072, 131_073, 1_000_000].map((size) => noise(size));
    const once = treeOf(Object.fromEntries(contents.map((content) => [`/a-${content.length}`, file(content)])));
    const twice = treeOf(
      Object.fromEntries(
        contents.flatMap((content) =>
          ["a", "b"].map((name) => [`/${name}-${content.length}`, file(new Uint8Array(content))]),
        ),
      ),
    );
    const source = await expectReadBack(twice);
    expect(source.sizeBytes - (await planSquashfs(once)).source.sizeBytes).toBeLessThanOrEqual(4096);
    expect((await planSquashfs(twice)).notes).toContain("4 duplicate files merged");
  });

  test("files that differ in one byte, or only in where their hole is, are not merged", async () => {
    const other = noise(200_000);
    other[199_999] = (other[199_999] as number) ^ 1;
    await expectReadBack(
      treeOf({
        "/a": file(noise(200_000)),
        "/b": file(other),
        "/c": file(sparseSource(600_000, [0])),
        "/d": file(sparseSource(600_000, [300_000])),
      }),
    );
  });
});

describe("the same request gives the same bytes", () => {
  const tree = new Tree(attributes);
  for (let index = 0; index < 24; index++) {
    tree.set(`/d${index % 7}/f${index}`, file(pattern(index * 2001, index)));
    tree.set(`/n${index}`, file(noise(index * 5003)));
  }
  for (const compression of compressions)
    test(`with ${compression}, 1 thread or 4`, async () => {
      const one = digestOf((await planSquashfs(tree, { compression, jobs: 1, blockSizeBytes: 8192 })).source);
      const four = digestOf((await planSquashfs(tree, { compression, jobs: 4, blockSizeBytes: 8192 })).source);
      expect(four).toBe(one);
    });

  test("in whatever order the tree was made", async () => {
    const other = new Tree(attributes);
    for (const [path, node] of [...tree.entries()].reverse()) other.set(path, node);
    expect(digestOf((await planSquashfs(other)).source)).toBe(digestOf((await planSquashfs(tree)).source));
  });
});

test("more data than is kept in memory goes through a file, and comes back", async () => {
  const large = noise(2 ** 20);
  const tree = new Tree(attributes);
  for (let index = 0; index < 40; index++) {
    const copy = new Uint8Array(large);
    copy[0] = index;
    tree.set(`/${index}`, file(copy));
  }
  const { source } = await planSquashfs(tree, { blockSizeBytes: 2 ** 20, compression: "gzip", jobs: 2 });
  expect(source.sizeBytes).toBeGreaterThan(40 * 2 ** 20);
  expect(textOfOurs(source)).toEqual(textOfTree(tree));
});

test("planning ends when it is told to", async () => {
  const abort = new AbortController();
  let reads = 0;
  const content = (): ByteSource => ({
    sizeBytes: 131_072,
    extents: [{ offsetBytes: 0, lengthBytes: 131_072 }],
    read(target) {
      if (++reads === 5) abort.abort(new Error("told to"));
      target.set(noise(131_072).subarray(0, target.length));
    },
  });
  const tree = new Tree(attributes);
  for (let index = 0; index < 100; index++) tree.set(`/${index}`, file(content()));
  const planned = squashfsWriter({ compression: "zstd" }).plan(request(tree), { signal: abort.signal, jobs: 2 });
  await expect(planned).rejects.toThrow("told to");
  expect(reads).toBeLessThan(10);
});

test("a file that cannot be read ends planning with what it said", async () => {
  const content: ByteSource = {
    sizeBytes: 10,
    extents: [{ offsetBytes: 0, lengthBytes: 10 }],
    read() {
      throw new Error("cannot be read");
    },
  };
  await expect(planSquashfs(treeOf({ "/f": file(content) }), { jobs: 2 })).rejects.toThrow("cannot be read");
});

test("xz blocks have the checks and dictionaries that Linux and GRUB read", async () => {
  const { source } = await planSquashfs(treeOf({ "/f": file(Buffer.from("text ".repeat(10_000))) }), {
    compression: "xz",
  });
  const stream = readAll(source).subarray(96);
  // Stream flags: CRC32. Block header: one filter, LZMA2, 128 KiB.
  expect([...stream.subarray(0, 8)]).toEqual([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1]);
  expect([...stream.subarray(12, 17)]).toEqual([2, 0, 0x21, 1, 10]);
});
