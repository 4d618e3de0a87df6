import { closeSync, linkSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { ReadFileSystem } from "../../../src/build/filesystems/filesystem-reader.ts";
import { fileSystemReaders } from "../../../src/build/filesystems/readers.ts";
import { squashfsReader } from "../../../src/build/filesystems/squashfs-reader.ts";
import { bytesSource, readAll, sliceSource } from "../../../src/core/byte-source.ts";
import { runOracle } from "../../oracles/run.ts";
import { pattern, scratchDirectory } from "./images.ts";
import { problemsOf } from "./requests.ts";
import { textOfTheirs } from "./squashfs-oracle.ts";
import { textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "squashfs.img");
const host = makeHostDirectory();

/** What mksquashfs makes of a directory that anybody may have; its pseudo definitions add what needs root. */
function makeHostDirectory(): string {
  const directory = join(scratch, "host");
  mkdirSync(join(directory, "many"), { recursive: true });
  for (const size of [0, 1, 4095, 4096, 4097, 131_071, 131_072, 131_073, 300_000])
    writeFileSync(join(directory, `file-${size}`), pattern(size, size % 251));
  writeFileSync(join(directory, "duplicate"), pattern(300_000, 300_000 % 251));
  for (let index = 0; index < 3000; index++) writeFileSync(join(directory, `many/entry number ${index}`), `${index}`);
  for (const length of [1, 60, 1000]) symlinkSync("t".repeat(length), join(directory, `link-${length}`));
  linkSync(join(directory, "file-4097"), join(directory, "many/another name"));
  writeFileSync(join(directory, "n".repeat(255)), "");
  mkdirSync(join(directory, "empty"));
  const sparse = openSync(join(directory, "sparse"), "w");
  for (const offset of [0, 700_000, 3_000_000]) writeSync(sparse, pattern(100, 1), 0, 100, offset);
  closeSync(sparse);
  return directory;
}

const additions = [
  "dev/ d 755 0 0",
  "console c 600 0 5 5 1",
  "disk b 660 7 6 8 300",
  "pipe i 622 1 1 f",
  "socket i 777 2 2 s",
  "file-1 m 4755 100000 70000",
  "file-1 x user.short=value",
  `file-1 x security.long=${"v".repeat(3000)}`,
  `file-4095 x security.long=${"v".repeat(3000)}`,
  "many x trusted.t=yes",
  "link-60 x trusted.t=yes",
].flatMap((definition) => ["-p", definition.replace("dev/", "dev")]);

async function make(...options: string[]): Promise<ReadFileSystem> {
  const words = [host, image, "-noappend", "-quiet", "-no-progress", "-processors", "1", ...additions, ...options];
  const { status, output } = await runOracle("mksquashfs", words);
  if (status !== 0) throw new Error(output);
  return read();
}

function read(bytes: Uint8Array = readFileSync(image)): ReadFileSystem {
  const source = bytesSource(bytes);
  expect(squashfsReader.detect(source)).toBe(true);
  return squashfsReader.read(source);
}

describe("what mksquashfs makes is read as unsquashfs reads it", () => {
  test.each<[what: string, options: string[]]>([
    ["gzip", ["-comp", "gzip"]],
    ["xz", ["-comp", "xz"]],
    ["zstd", ["-comp", "zstd"]],
    ["gzip with options", ["-comp", "gzip", "-Xcompression-level", "3", "-Xwindow-size", "9"]],
    ["xz with a dictionary", ["-comp", "xz", "-Xdict-size", "8192", "-b", "16384"]],
    ["zstd of another level", ["-comp", "zstd", "-Xcompression-level", "22", "-b", "1M"]],
    ["blocks of 4 KiB", ["-comp", "zstd", "-b", "4096"]],
    ["blocks of 1 MiB", ["-comp", "xz", "-b", "1M"]],
    ["no fragments", ["-no-fragments"]],
    ["ends of files in fragments", ["-tailends"]],
    ["nothing compressed", ["-noI", "-noD", "-noF", "-noX", "-noId"]],
    ["no export table, no duplicates merged", ["-no-exports", "-no-duplicates"]],
    ["no attributes", ["-no-xattrs"]],
    ["no sparse blocks", ["-no-sparse"]],
  ])("%s", async (_, options) => {
    const { tree, problems, type } = await make(...options);
    expect(textOfTree(tree)).toEqual(await textOfTheirs(image));
    expect(problems).toEqual([]);
    expect(type).toBe("squashfs");
  });
});

test("its features and details", async () => {
  const { tree, ...rest } = await make("-comp", "xz", "-tailends", "-mkfs-time", "1700000000", "-noI");
  expect(rest).toEqual({
    type: "squashfs",
    label: "",
    uuid: "",
    sizeBytes: expect.any(Number),
    freeBytes: undefined,
    features: ["always-use-fragments", "duplicates", "exportable", "uncompressed-inodes"],
    details: [
      ["compression", "xz"],
      ["block size", "128 KiB"],
      ["inodes", expect.stringMatching(/^30\d\d$/)],
      ["blocks of ends of files", expect.stringMatching(/^\d+$/)],
      ["made", "2023-11-14T22:13:20.000Z"],
    ],
    problems: [],
  });
  expect([...tree.entries()].every(([, node]) => node.origin === "squashfs")).toBe(true);
});

test("hard links are one node", async () => {
  const { tree } = await make();
  expect(tree.get("/many/another name")).toBe(tree.get("/file-4097"));
});

test.each(["lzo", "lz4"])("%s is sound, and not understood", async (compressor) => {
  await make();
  const { status } = await runOracle("mksquashfs", [host, image, "-noappend", "-quiet", "-comp", compressor]);
  expect(status).toBe(0);
  expect(problemsOf(() => read())).toEqual([
    {
      code: "image/unsupported",
      message: `cannot read the squashfs: it is compressed with ${compressor}, and only gzip, xz and zstd are understood`,
    },
  ]);
});

/** Calls of a few functions from many places of a program: with a filter that makes addresses of distances they are all alike. */
function calls(encode: (code: Buffer, at: number, distance: number) => void): Uint8Array {
  const code = Buffer.from(pattern(400_000));
  for (let at = 0, call = 0; at + 16 <= code.length; at += 12 + (call % 5), call++)
    encode(code, at, 0x12340 * (call % 3) - at);
  return code;
}

/** With calls so close to one another that they overlap. */
const x86 = calls((code, at, distance) => {
  code[at] = at % 3 === 0 ? 0xe8 : 0xe9;
  code.writeInt32LE(distance, at + 1);
  if (at % 7 === 0) code[at + 2 + (at % 4)] = 0xe8;
  if (at % 11 === 0) code[at + 3] = at % 2 === 0 ? 0 : 0xff;
});
const powerpc = calls((code, at, distance) => code.writeInt32BE(0x48000001 | (distance & 0x3fffffc), at & ~3));

async function makeProgram(content: Uint8Array, filter: string): Promise<Uint8Array> {
  const program = join(scratch, "program");
  writeFileSync(program, content);
  const options = ["-noappend", "-quiet", "-no-fragments", "-comp", "xz", "-Xbcj", filter];
  expect((await runOracle("mksquashfs", [program, image, ...options])).status).toBe(0);
  const node = read().tree.get("/program");
  if (node?.type !== "file") throw new Error("mksquashfs made no file");
  return readAll(node.content);
}

test("xz filtered for x86 is read", async () => {
  expect(Buffer.compare(await makeProgram(x86, "x86"), x86)).toBe(0);
  const whole = readFileSync(image);
  // Behind the first stream's header: that of a block with two sizes and two filters.
  const streamAt = whole.indexOf(Buffer.from("fd377a585a00", "hex"));
  expect(whole[streamAt + 12 + 1]).toBe(0xc1);
});

test("xz filtered for another processor is sound, and not understood", async () => {
  await expect(makeProgram(powerpc, "powerpc")).rejects.toMatchObject({
    code: "image/unsupported",
    message: "cannot read the squashfs: a block of it is filtered for a processor other than x86",
  });
});

describe("detection", () => {
  test("takes no empty, short or other source", () => {
    for (const sizeBytes of [0, 3, 95, 96, 5000])
      expect(squashfsReader.detect(bytesSource(new Uint8Array(sizeBytes)))).toBe(false);
  });

  test("the registry has the reader", () => expect(fileSystemReaders).toContain(squashfsReader));
});

describe("damage is said", () => {
  /** An image with some bytes of its superblock changed. */
  async function changed(offset: number, ...bytes: number[]): Promise<readonly { code: string; message: string }[]> {
    await make();
    const copy = new Uint8Array(readFileSync(image));
    copy.set(bytes, offset);
    return problemsOf(() => read(copy));
  }

  test.each<[what: string, offset: number, bytes: number[], code: string, reason: string]>([
    ["another version", 28, [3], "image/unsupported", "it is of version 3.0, and only 4.0 is understood"],
    ["an unknown compressor", 20, [9], "image/damaged", "its compressor has the number 9"],
    ["blocks of no power of two", 12, [1], "image/damaged", "its blocks are of 131073 bytes"],
    ["a root in the middle of an inode", 32, [1], "image/damaged", ""],
    ["a root past the end of its block", 32, [0xff, 0xff], "image/damaged", ""],
    ["an inode table past the end", 64, [0xff, 0xff, 0xff, 0xff], "image/damaged", ""],
    ["an offset that no number has", 64, [0, 0, 0, 0, 0, 0, 0, 0x80], "image/damaged", ""],
  ])("%s", async (_, offset, bytes, code, reason) => {
    const [problem] = await changed(offset, ...bytes);
    expect(problem?.code).toBe(code);
    expect(problem?.message).toContain(`cannot read the squashfs: ${reason}`);
  });

  test("an image cut short", async () => {
    await make();
    const whole = bytesSource(readFileSync(image));
    const [problem] = problemsOf(() => squashfsReader.read(sliceSource(whole, 0, 20_000)));
    expect(problem?.code).toBe("image/damaged");
    expect(problem?.message).toMatch(/it is \d+ bytes long, and only 20000 are there/);
  });
});
