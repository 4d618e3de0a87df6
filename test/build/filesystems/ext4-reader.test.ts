import { closeSync, linkSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ext4Reader } from "../../../src/build/filesystems/ext4-reader.ts";
import type { ReadFileSystem } from "../../../src/build/filesystems/filesystem-reader.ts";
import { bytesSource, fileSource } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { textOfExt4 } from "./ext4-reader.ts";
import { pattern, scratchDirectory } from "./images.ts";
import { problemsOf } from "./requests.ts";
import { type TreeText, textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "ext4.img");
const host = makeHostDirectory();

const descriptors: number[] = [];
afterAll(() => descriptors.forEach(closeSync));

function read(path: string): ReadFileSystem {
  const fd = openSync(path, "r");
  descriptors.push(fd);
  const source = fileSource(fd);
  expect(ext4Reader.detect(source)).toBe(true);
  return ext4Reader.read(source);
}

/** Every kind of file that anybody may make: without root there are no devices and no other owners; debugfs makes those. */
function makeHostDirectory(): string {
  const directory = join(scratch, "host");
  mkdirSync(join(directory, "many"), { recursive: true });
  for (const size of [0, 1, 59, 60, 61, 100, 150, 1023, 1024, 4095, 4096, 4097, 300_000])
    writeFileSync(join(directory, `file-${size}`), pattern(size, size));
  for (let index = 0; index < 600; index++) writeFileSync(join(directory, `many/entry number ${index}`), "");
  for (const length of [1, 59, 60, 61, 150, 1000]) symlinkSync("t".repeat(length), join(directory, `link-${length}`));
  linkSync(join(directory, "file-4097"), join(directory, "many/another name"));
  writeFileSync(join(directory, "n".repeat(255)), "");
  mkdirSync(join(directory, "small"));
  writeFileSync(join(directory, "small/a"), "");
  const sparse = openSync(join(directory, "sparse"), "w");
  // Enough pieces for an extent tree, and far enough out for a triple indirect block at 1 KiB.
  for (let index = 0; index < 500; index++) writeSync(sparse, pattern(100, index), 0, 100, index * 9000 + 4000);
  writeSync(sparse, pattern(100), 0, 100, 69_000_000);
  closeSync(sparse);
  return directory;
}

const additions = [
  "mknod console c 5 1",
  "mknod disk b 8 300",
  "mknod pipe p",
  "set_inode_field file-1 uid 100000",
  "set_inode_field file-1 gid 70000",
  "set_inode_field file-1 mode 0104755",
  "ea_set file-100 user.short value",
  `ea_set file-150 user.long ${"v".repeat(400)}`,
  "ea_set many trusted.t yes",
];
const unwritten = ["write /dev/null unwritten", "fallocate unwritten 3 40", "set_inode_field unwritten size 200000"];

async function makeImage(options: readonly string[], script: readonly string[] = additions): Promise<void> {
  writeFileSync(image, "");
  truncateSync(image, 200 * 2 ** 20);
  const type = options.includes("-t") ? [] : ["-t", "ext4"];
  const block = options.includes("-b") ? [] : ["-b", "4096"];
  const made = await runOracle("mke2fs", ["-q", "-F", ...type, ...block, "-d", host, ...options, image]);
  if (made.status !== 0) throw new Error(made.output);
  const commands = join(scratch, "script");
  writeFileSync(commands, `${script.join("\n")}\n`);
  await runOracle("debugfs", ["-w", "-f", commands, image]);
}

function withoutLostAndFound(tree: Tree): TreeText {
  const text = textOfTree(tree);
  delete text["/lost+found"];
  return text;
}

describe("what mke2fs made is read as debugfs reads it", () => {
  test.each<[string, string[]]>([
    ["the defaults of 2023", ["-O", "metadata_csum,64bit,metadata_csum_seed,orphan_file"]],
    ["blocks of 1 KiB", ["-b", "1024"]],
    ["blocks of 2 KiB", ["-b", "2048"]],
    ["ext3", ["-t", "ext3"]],
    ["ext2", ["-t", "ext2"]],
    ["ext2 with blocks of 1 KiB", ["-t", "ext2", "-b", "1024"]],
    ["ext2 of revision 0", ["-t", "ext2", "-r", "0"]],
    ["no types in directories", ["-O", "^filetype"]],
    ["files inside inodes", ["-O", "inline_data", "-I", "512"]],
    ["files inside small inodes", ["-O", "inline_data"]],
    ["clusters", ["-O", "bigalloc", "-C", "65536"]],
    ["clusters of blocks of 1 KiB", ["-O", "bigalloc", "-b", "1024"]],
    ["descriptors in their groups", ["-O", "meta_bg,^resize_inode", "-b", "1024"]],
    ["wide descriptors in their groups", ["-O", "meta_bg,^resize_inode,64bit"]],
    ["two copies of the superblock", ["-O", "sparse_super2"]],
    ["group checksums of old", ["-O", "^metadata_csum,uninit_bg"]],
    ["room for encryption, other cases and large directories", ["-O", "encrypt,casefold,large_dir"]],
  ])("%s", async (_, options) => {
    await makeImage(options, options.includes("inline_data") ? additions : [...additions, ...unwritten]);
    const found = read(image);
    expect(found.problems).toEqual([]);
    expect(withoutLostAndFound(found.tree)).toEqual(await textOfExt4(image, scratch));
    expect(found.tree.get("/many/another name")).toBe(found.tree.get("/file-4097"));
  });

  test("directories with an index", async () => {
    await makeImage(["-b", "1024"]);
    await runOracle("e2fsck", ["-fyD", image]);
    expect((await runOracle("debugfs", ["-R", "stat /many", image])).output).toContain("Flags: 0x81000");
    const found = read(image);
    expect(withoutLostAndFound(found.tree)).toEqual(await textOfExt4(image, scratch));
  });

  test("values of attributes in inodes of their own", async () => {
    const value = join(scratch, "value");
    writeFileSync(value, pattern(4090));
    await makeImage(["-O", "ea_inode"], [`ea_set -f ${value} file-1 user.large`, "ea_set file-1 user.small x"]);
    const xattrs = read(image).tree.get("/file-1")?.xattrs;
    expect(xattrs?.get("user.large")).toEqual(pattern(4090));
    expect(Buffer.from(xattrs?.get("user.small") ?? []).toString()).toBe("x");
  });
});

test("holes are holes, also what was allocated but never written", async () => {
  await makeImage([], unwritten);
  const { tree } = read(image);
  const sparse = tree.get("/sparse");
  expect(sparse?.type === "file" && sparse.content.extents.slice(0, 3)).toEqual([
    { offsetBytes: 0, lengthBytes: 8192 },
    { offsetBytes: 12_288, lengthBytes: 4096 },
    { offsetBytes: 20_480, lengthBytes: 4096 },
  ]);
  const empty = tree.get("/unwritten");
  expect(empty?.type === "file" && [empty.content.sizeBytes, empty.content.extents]).toEqual([200_000, []]);
});

describe("what is told of it", () => {
  test("type, label, features and details as the tools tell them", async () => {
    await makeImage([
      "-L",
      "a label",
      "-U",
      "6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b11",
      "-M",
      "/mnt/was here",
      "-J",
      "size=8",
    ]);
    const found = read(image);
    const { output } = await runOracle("dumpe2fs", ["-h", image]);
    const field = (name: string) => new RegExp(`^${name}: +(.*)$`, "m").exec(output)?.[1] ?? "";
    expect(found.features).toEqual(field("Filesystem features").split(" ").sort());
    expect(found).toMatchObject({ type: "ext4", label: "a label", uuid: "6f1d7c52-0b7e-4a31-9c4e-2f4c8e0d5b11" });
    expect(found.sizeBytes).toBe(200 * 2 ** 20);
    expect(found.freeBytes).toBe(Number(field("Free blocks")) * 4096);
    const details = Object.fromEntries(found.details);
    expect(details).toMatchObject({
      "block size": "4 KiB",
      inodes: `${field("Inode count")}, ${field("Free inodes")} of them free`,
      journal: "8 MiB",
      "last mounted on": "/mnt/was here",
      "can grow to": "200 GiB",
    });
    expect(new Date(details["created"] ?? "").getTime()).toBe(new Date(`${field("Filesystem created")} UTC`).getTime());
  });

  test.each([
    [["-t", "ext2"], "ext2"],
    [["-t", "ext3"], "ext3"],
    [["-t", "ext2", "-O", "extents"], "ext4"],
    [["-t", "ext3", "-O", "meta_bg,^resize_inode"], "ext3"],
    [["-t", "ext2", "-O", "huge_file"], "ext4"],
  ])("%j is called as blkid calls it: %s", async (options, type) => {
    await makeImage(options, []);
    expect(read(image).type).toBe(type);
    expect((await runOracle("blkid", ["-p", "-o", "value", "-s", "TYPE", image])).output.trim()).toBe(type);
  });

  test("a journal that was not replayed, an error, a wrong checksum, a missing end", async () => {
    await makeImage(
      ["-O", "metadata_csum"],
      ["feature needs_recovery", "set_super_value state 2", "set_super_value last_orphan 12"],
    );
    const fd = openSync(image, "r+");
    writeSync(fd, "X", 1024 + 0x78);
    closeSync(fd);
    truncateSync(image, 199 * 2 ** 20);
    expect(read(image).problems).toEqual([
      "its journal has not been replayed: what was written last may be missing",
      "the kernel has found errors in it",
      "it has deleted files that were still open",
      "the checksum of its superblock is wrong",
      "it is cut short: it should have 209715200 bytes, and there are 208666624",
    ]);
  });
});

describe("what cannot be read", () => {
  test("is not ext4", () => {
    expect(ext4Reader.detect(bytesSource(new Uint8Array(4096)))).toBe(false);
    expect(ext4Reader.detect(bytesSource(new Uint8Array(10)))).toBe(false);
  });

  test("an encrypted directory", async () => {
    await makeImage(["-O", "encrypt"], ["set_inode_field small flags 0x80800"]);
    expect(problemsOf(() => read(image))).toEqual([
      { code: "image/unsupported", message: "cannot read the ext4 file system: /small is encrypted" },
    ]);
  });

  test("a feature of the future", async () => {
    await makeImage([], ["feature FEATURE_I20"]);
    expect(problemsOf(() => read(image))[0]?.message).toBe(
      "cannot read the ext4 file system: it has the feature FEATURE_I20, which is not understood",
    );
  });

  test("an external journal", async () => {
    writeFileSync(image, "");
    truncateSync(image, 20 * 2 ** 20);
    await runOracle("mke2fs", ["-q", "-F", "-O", "journal_dev", image]);
    expect(problemsOf(() => read(image))[0]?.message).toContain("it is an external journal");
  });

  test.each<[string, string[], string]>([
    ["a directory inside itself", ["link small small/loop"], "the directory /small/loop is in more than one place"],
    ["a root inside itself", ["link . small/loop"], "the directory /small/loop is in more than one place"],
    ["a file that was deleted", ["clri file-1"], "whose mode 0 is of no type"],
    ["a directory's blocks past the end", ["set_inode_field small block[5] 0x0fffffff"], "inode "],
    ["extents too deep", ["set_inode_field small block[1] 0x00090001"], "has extents at depth 9"],
    ["no root", ["set_inode_field <2> mode 0100644"], "its root is not a directory"],
  ])("%s", async (_, script, message) => {
    await makeImage(["-O", "^metadata_csum"], script);
    const [problem] = problemsOf(() => read(image));
    expect(problem?.code).toBe("image/damaged");
    expect(problem?.message).toContain(message);
  });

  test("a damaged file keeps nobody from reading the others", async () => {
    await makeImage(["-O", "^metadata_csum"], ["set_inode_field file-4096 block[5] 0x0fffffff"]);
    const { tree } = read(image);
    const content = (path: string) => {
      const node = tree.get(path);
      if (node?.type !== "file") throw new Error(path);
      return node.content;
    };
    const bytes = new Uint8Array(4097);
    content("/file-4097").read(bytes, 0);
    expect(bytes).toEqual(pattern(4097, 4097));
    expect(problemsOf(() => content("/file-4096").read(new Uint8Array(1), 0))[0]?.code).toBe("image/damaged");
  });
});
