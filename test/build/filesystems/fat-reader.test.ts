import { closeSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fatWriter } from "../../../src/build/filesystems/fat.ts";
import type { FatBits } from "../../../src/build/filesystems/fat-format.ts";
import { fatReader } from "../../../src/build/filesystems/fat-reader.ts";
import type { ReadFileSystem } from "../../../src/build/filesystems/filesystem-reader.ts";
import type { FileSystemPlan, FileSystemRequest } from "../../../src/build/filesystems/filesystem-writer.ts";
import { bytesSource, readAll, zeroSource } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { fatPartOf, fatTextOf } from "./fat-oracle.ts";
import { file, pattern, scratchDirectory } from "./images.ts";
import { survivesMutations } from "./mutations.ts";
import { treesArbitrary } from "./random-trees.ts";
import { problemsOf, request, treeOf } from "./requests.ts";

const scratch = scratchDirectory();
const image = join(scratch, "fat.img");
const context = { signal: new AbortController().signal, jobs: 1 };

function plan(tree: Tree, bits?: FatBits, more: Partial<FileSystemRequest> = {}): FileSystemPlan {
  const writer = fatWriter(bits === undefined ? {} : { bits });
  return writer.plan(request(tree, { label: "LABEL", ...more }), context) as FileSystemPlan;
}

function readImage(): ReadFileSystem {
  const source = bytesSource(readFileSync(image));
  expect(fatReader.detect(source)).toBe(true);
  return fatReader.read(source);
}

async function tool(name: string, args: readonly string[]): Promise<string> {
  const { status, output } = await runOracle(name, args);
  expect(status, output).toBe(0);
  return output;
}

const withoutTimes = (tree: Tree) => fatTextOf(tree, { times: false });

describe("what we wrote", () => {
  test("any tree comes back", () => {
    const trees = treesArbitrary({ xattrs: false, maxTime: 2 ** 33, oddNames: true }).map(fatPartOf);
    const bits = fc.constantFrom(undefined, 12 as const, 16 as const, 32 as const);
    fc.assert(
      fc.property(trees, bits, fc.nat(50_000_000), (tree, type, freeBytes) => {
        const { source, freeBytes: planned } = plan(tree, type, { size: { freeBytes } });
        expect(fatReader.detect(source)).toBe(true);
        const read = fatReader.read(source);
        expect(read).toMatchObject({ label: "LABEL", uuid: "6F1D-7C52", sizeBytes: source.sizeBytes, problems: [] });
        expect(read.freeBytes).toBe(planned);
        expect(fatTextOf(read.tree)).toEqual(fatTextOf(tree));
      }),
      { numRuns: 60 },
    );
  });

  test("holes stay holes", () => {
    const { source } = plan(treeOf({ "/hole": file(zeroSource(100_000_000)), "/file": file("x") }));
    const node = fatReader.read(source).tree.get("/hole");
    expect(node?.type === "file" && node.content.extents).toEqual([]);
  });
});

describe("what others made", () => {
  test.each([
    ["fat12", ["-F", "12"], 1440],
    ["fat12", ["-F", "12", "-s", "8", "-f", "1"], 8000],
    ["fat16", ["-F", "16"], 20_000],
    ["fat16", ["-F", "16", "-S", "2048", "-s", "1"], 30_000],
    ["fat32", ["-F", "32", "-s", "1"], 40_000],
    ["fat32", ["-F", "32", "-s", "1", "-S", "4096"], 300_000],
    ["fat32", ["-F", "32", "-R", "64", "-b", "12", "-f", "1"], 300_000],
  ] as const)("%s by mkfs.fat %j, filled by mtools", async (type, options, kibibytes) => {
    closeSync(openSync(image, "w"));
    truncateSync(image, kibibytes * 1024);
    await tool("mkfs.fat", [...options, "-n", "OTHERS", "-i", "1234abcd", image]);
    const tree = treeOf({
      "/SHORT.TXT": file("short"),
      "/lower.txt": file("lower"),
      "/a long name with é and 漢.text": file(pattern(10_000)),
      "/gone": file(pattern(5000)),
      "/sub/deeper/file": file(pattern(3000, 7)),
      "/empty": file(""),
    });
    const from = join(scratch, "from");
    rmSync(from, { recursive: true, force: true });
    for (const [path, node] of tree.entries()) {
      if (node.type === "directory") mkdirSync(join(from, path), { recursive: true });
      else if (node.type === "file") writeFileSync(join(from, path), readAll(node.content));
    }
    const children = tree.list("/").map((name) => join(from, name));
    await tool("mcopy", ["-s", "-i", image, ...children, "::"]);
    await tool("mdel", ["-i", image, "::/gone", "::/a long name with é and 漢.text"]);
    await tool("mcopy", ["-i", image, join(from, "a long name with é and 漢.text"), "::/another name of it"]);
    tree.set("/another name of it", tree.get("/a long name with é and 漢.text") as never);
    tree.remove("/a long name with é and 漢.text");
    tree.remove("/gone");

    const read = readImage();
    expect(read).toMatchObject({ type, label: "OTHERS", uuid: "1234-ABCD", problems: [] });
    const told = await tool("fsck.fat", ["-n", "-v", image]);
    const number = (what: string) => Number(new RegExp(`(\\d+) ${what}`).exec(told)?.[1]);
    expect(read.sizeBytes).toBe(number("sectors total") * number("bytes per logical sector"));
    expect(withoutTimes(read.tree)).toEqual(withoutTimes(tree));
    const free = /(\d[\d ]*) bytes free/.exec(await tool("mdir", ["-i", image, "::"]))?.[1]?.replaceAll(" ", "");
    expect(read.freeBytes).toBe(Number(free));
  });

  test("attributes and times", async () => {
    writeFileSync(image, readAll(plan(treeOf({ "/file": file("x", { mtime: 1_600_000_001 }) })).source));
    await tool("mattrib", ["-i", image, "+r", "+h", "+s", "::/file"]);
    expect(readImage().tree.get("/file")).toMatchObject({ mode: 0o444, mtime: 1_600_000_000 });
  });

  test("FAT32 with too few clusters, as mkfs.fat makes it if forced", async () => {
    closeSync(openSync(image, "w"));
    truncateSync(image, 4 << 20);
    await tool("mkfs.fat", ["-F", "32", image]);
    const { type, problems } = readImage();
    expect(type).toBe("fat32");
    expect(problems).toEqual([expect.stringMatching(/made as FAT32 but has \d+ clusters, and at least 65525/)]);
  });

  test("no label and no serial", () => {
    const bytes = Buffer.from(readAll(plan(treeOf({ "/x": file("x") }), 16, { label: "" }).source));
    expect(fatReader.read(bytesSource(bytes)).label).toBe("");
    bytes[38] = 0;
    expect(fatReader.read(bytesSource(bytes)).uuid).toBe("");
  });
});

/** A FAT16 image whose parts are easy to find: clusters of 512 bytes. */
function openForDamage(names: readonly string[] = ["A", "B", "DIR/C"]) {
  const { source, locate } = plan(
    treeOf(Object.fromEntries(names.map((name) => [`/${name}`, file(pattern(2000))]))),
    16,
  );
  const bytes = Buffer.from(readAll(source));
  const tableBytes = bytes.readUInt16LE(22) * 512;
  const rootOffset = 512 + 2 * tableBytes;
  const clustersOffset = rootOffset + bytes.readUInt16LE(17) * 32;
  const clusterOf = (path: string) => ((locate?.(path)?.[0]?.offsetBytes as number) - clustersOffset) / 512 + 2;
  const link = (cluster: number, to: number) => {
    for (const table of [512, 512 + tableBytes]) bytes.writeUInt16LE(to, table + cluster * 2);
  };
  /** Offset of the n-th entry of the root; the label comes first. */
  const rootEntry = (index: number) => rootOffset + index * 32;
  return { bytes, link, clusterOf, rootEntry, read: () => fatReader.read(bytesSource(bytes)) };
}

describe("damage is told, and what can be read is read", () => {
  test("a chain that loops", () => {
    const { link, clusterOf, read } = openForDamage();
    link(clusterOf("/A") + 1, clusterOf("/A"));
    const { problems, tree } = read();
    expect(problems[0]).toBe(`/A: its chain of clusters leads to cluster ${clusterOf("/A")}, which is in use already`);
    const node = tree.get("/A");
    expect(node?.type === "file" && problemsOf(() => readAll(node.content))).toMatchObject([
      { code: "image/damaged", message: expect.stringContaining("/A: its chain of clusters leads to") },
    ]);
    const other = tree.get("/B");
    expect(other?.type === "file" && Buffer.compare(readAll(other.content), pattern(2000))).toBe(0);
  });

  test("a chain that leads into another", () => {
    const { link, clusterOf, read } = openForDamage();
    link(clusterOf("/B"), clusterOf("/A") + 1);
    expect(read().problems[0]).toBe(
      `/B: its chain of clusters leads to cluster ${clusterOf("/A") + 1}, which is in use already`,
    );
  });

  test.each([
    [60_000, "leads to cluster 60000, which there is not"],
    [1, "leads to cluster 1, which there is not"],
    [0, "ends without an end"],
    [0xfff7, "leads to a bad cluster"],
    [0xffff, undefined],
  ])("a chain that goes on to %d", (to, reason) => {
    const { link, clusterOf, read } = openForDamage();
    link(clusterOf("/A") + 1, to);
    const told =
      reason === undefined ? "it has 2000 bytes, and its clusters have 1024" : `its chain of clusters ${reason}`;
    expect(read().problems).toContain(`/A: ${told}`);
  });

  test("clusters that belong to no file", () => {
    const { link, clusterOf, read } = openForDamage();
    link(clusterOf("/A") + 1, 0xffff);
    expect(read().problems).toContain("2 clusters are in use but belong to no file");
  });

  test("a directory that leads to its own parent", () => {
    const { bytes, rootEntry, read } = openForDamage(["DIR/SUB/FILE"]);
    const first = bytes.readUInt16LE(rootEntry(1) + 26);
    // Its own cluster begins with "." and "..", then SUB.
    const clusters = rootEntry(0) + 512 * 32;
    bytes.writeUInt16LE(first, clusters + (first - 2) * 512 + 64 + 26);
    const { tree, problems } = read();
    expect([...tree.entries()].map(([path]) => path)).toEqual(["/", "/DIR", "/DIR/SUB"]);
    expect(problems[0]).toBe(`/DIR/SUB: its chain of clusters leads to cluster ${first}, which is in use already`);
  });

  test("directories deeper than any path goes", () => {
    const path = `/${Array.from({ length: 3000 }, () => "D").join("/")}`;
    const { source } = plan(treeOf({ [path]: file("x") }));
    const { tree, problems } = fatReader.read(source);
    expect([...tree.entries()].length).toBe(2049);
    expect(problems).toContainEqual(expect.stringContaining("its path is longer than 4096 bytes"));
  });

  test("not unmounted, and errors met", () => {
    const { bytes, link, read } = openForDamage();
    link(1, 0x3fff);
    const both = ["it has not been unmounted cleanly", "whoever used it last met errors on the disk"];
    expect(read().problems).toEqual(both);
    link(1, 0xffff);
    bytes[37] = 3;
    expect(read().problems).toEqual(both);
  });

  test("tables that differ", () => {
    const { bytes, read } = openForDamage();
    bytes.writeUInt8(bytes.readUInt8(512 + 9) ^ 1, 512 + 9);
    expect(read().problems).toContain("its tables differ");
  });

  test("FAT32: FSInfo, and the backup of the boot sector", () => {
    const bytes = Buffer.from(readAll(plan(treeOf({ "/x": file("x") }), 32).source));
    const free = bytes.readUInt32LE(512 + 488);
    bytes.writeUInt32LE(free - 1, 512 + 488);
    bytes[6 * 512 + 100] = 1;
    // Whoever has it mounted marks the first one.
    bytes[65] = 0;
    expect(fatReader.read(bytesSource(bytes)).problems).toEqual([
      "its boot sector and the backup of it differ",
      `its FSInfo sector says that ${free - 1} clusters are free, and ${free} are`,
    ]);
  });

  test("an image cut short", () => {
    const { bytes } = openForDamage();
    const { problems, tree } = fatReader.read(bytesSource(bytes.subarray(0, 60_000)));
    expect(problems[0]).toBe(`it says that it has ${bytes.length} bytes, and there are 60000`);
    expect(tree.has("/A")).toBe(true);
  });

  test("a long name without its short one, and one for another", () => {
    const { bytes, rootEntry, read } = openForDamage(["A name that is long", "B"]);
    bytes.writeUInt8(bytes.readUInt8(rootEntry(1) + 13) ^ 1, rootEntry(1) + 13);
    const { problems, tree } = read();
    expect(tree.list("/")).toEqual(["ANAMET~1", "B"]);
    expect(problems).toEqual(["/: 2 pieces of long names belong to nothing"]);
  });

  test("names that nothing can have, and names that are there twice", () => {
    const { bytes, rootEntry, read } = openForDamage(["A", "B", "C"]);
    bytes.write("X/Y", rootEntry(1), "latin1");
    bytes.write("C", rootEntry(2), "latin1");
    const { problems, tree } = read();
    expect(tree.list("/")).toEqual(["C"]);
    expect(problems).toEqual([
      '/: the name "X/Y" is left out: nothing can be called so',
      '/: the name "C" is there twice; the second one is left out',
    ]);
  });
});

test("short names: code page 437, the escaped first byte, lower case by Windows NT's bits", () => {
  const { bytes, rootEntry, read } = openForDamage(["A", "B", "C"]);
  bytes.set([0x8e, 0x82, 0x20], rootEntry(1));
  bytes.set([0x05, 0x41], rootEntry(2));
  bytes.write("UPPER   TXT", rootEntry(3), "latin1");
  bytes[rootEntry(3) + 12] = 0x10;
  expect(read().tree.list("/")).toEqual(["UPPER.txt", "Äé", "σA"]);
});

test.each([
  ["nothing", new Uint8Array(0)],
  ["zeros", new Uint8Array(4096)],
  ["a boot sector that is no file system's", Uint8Array.of(...new Uint8Array(510), 0x55, 0xaa)],
])("%s is no FAT", (_, bytes) => expect(fatReader.detect(bytesSource(bytes))).toBe(false));

test("mutated images give a result or an error", () => {
  const tree = treeOf({
    "/EFI/BOOT/BOOTX64.EFI": file(pattern(5000)),
    "/a long name to begin with": file(pattern(700)),
    "/a/b/c/d": file(pattern(2000)),
  });
  const images = ([12, 16, 32] as const).map((bits) => plan(tree, bits).source);
  survivesMutations(fatReader, images, [
    [0, 90],
    [512, 1024],
    [1024, 20_000],
    [16_384, 16_600],
    [17_900, 26_000],
    [51_200, 60_000],
    [540_000, 560_000],
  ]);
}, 600_000);
