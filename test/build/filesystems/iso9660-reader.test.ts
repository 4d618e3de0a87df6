import { linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadFileSystem } from "../../../src/build/filesystems/filesystem-reader.ts";
import { planIso9660 } from "../../../src/build/filesystems/iso9660.ts";
import { iso9660Reader } from "../../../src/build/filesystems/iso9660-reader.ts";
import { type ByteSource, bytesSource, readAll } from "../../../src/core/byte-source.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { attributes, file, pattern, scratchDirectory, symlink } from "./images.ts";
import { rockPartOf } from "./iso9660-part.ts";
import { survivesMutations } from "./mutations.ts";
import { treesArbitrary } from "./random-trees.ts";
import { problemsOf, treeOf } from "./requests.ts";
import { type TreeText, textOfTree } from "./tree-text.ts";

const scratch = scratchDirectory();
const image = join(scratch, "image.iso");
const epochSeconds = 1_700_000_000;

const plan = (tree: Tree): ByteSource => planIso9660({ tree, label: "LABEL", epochSeconds });

function readImage(): ReadFileSystem {
  const source = bytesSource(readFileSync(image));
  expect(iso9660Reader.detect(source)).toBe(true);
  return iso9660Reader.read(source);
}

async function tool(name: string, args: readonly string[]): Promise<void> {
  const { status, output } = await runOracle(name, args);
  expect(status, output).toBe(0);
}

test("any tree that we wrote comes back", () => {
  const trees = treesArbitrary({ xattrs: false, maxTime: 2 ** 32 - 1, oddNames: true }).map(rockPartOf);
  fc.assert(
    fc.property(trees, (tree) => {
      const source = plan(tree);
      const read = iso9660Reader.read(source);
      expect(read).toMatchObject({ type: "iso9660", label: "LABEL", sizeBytes: source.sizeBytes, problems: [] });
      expect(read.features).toEqual(["joliet", "rock-ridge"]);
      expect(textOfTree(read.tree)).toEqual(textOfTree(tree));
    }),
    { numRuns: 60 },
  );
});

test("an id as blkid prints it", async () => {
  writeFileSync(image, readAll(plan(treeOf({ "/x": file("x") }))));
  const { output } = await runOracle("blkid", ["-p", "-o", "export", image]);
  expect(output).toContain(`UUID=${readImage().uuid}\n`);
  expect(readImage().uuid).toBe("2023-11-14-22-13-20-00");
});

const deep = `/${Array.from({ length: 12 }, (_, level) => `level ${level}`).join("/")}`;

/** A directory of the host with something of everything that needs no rights. */
function hostDirectory(): { path: string; text: TreeText } {
  const path = join(scratch, "from");
  rmSync(path, { recursive: true, force: true });
  const files: Record<string, Uint8Array> = {
    "/boot/bios.img": pattern(5000),
    "/boot/efi.img": pattern(9000, 3),
    "/a name with é and spaces.text": pattern(3000),
    [`/${"n".repeat(200)}.configuration`]: pattern(10),
    "/empty": new Uint8Array(0),
    [`${deep}/file`]: pattern(100),
    "/UPPER.TXT": pattern(2048),
  };
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(path, dirname(name)), { recursive: true });
    writeFileSync(join(path, name), bytes, { mode: 0o644 });
    utimesSync(join(path, name), epochSeconds, epochSeconds);
  }
  linkSync(join(path, "/UPPER.TXT"), join(path, "second name"));
  // genisoimage never ends with one of 300 parts.
  const links = { "/link": "../x/./y", "/absolute": "/etc/hostname", "/long": "p/".repeat(60).slice(0, -1) };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(path, name));
  const nodes = new Tree(attributes);
  for (const [name, bytes] of Object.entries(files)) nodes.set(name, file(bytes));
  nodes.set("/second name", nodes.get("/UPPER.TXT") as Node);
  for (const [name, target] of Object.entries(links)) nodes.set(name, symlink(target));
  return { path, text: contentsOf(nodes) };
}

/** Types, sizes, digests, targets; times of files. */
function contentsOf(tree: Tree): TreeText {
  const plain = new Tree(attributes);
  for (const [path, node] of tree.entries()) {
    if (path === "/") continue;
    const isFile = node.type === "file";
    plain.set(path, { ...node, mode: 0, uid: 0, gid: 0, mtime: isFile ? node.mtime : 0 });
  }
  return textOfTree(plain);
}

describe("what others made", () => {
  const boot = ["-b", "boot/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-c", "boot/catalog"];
  const efi = ["-eltorito-alt-boot", "-e", "boot/efi.img", "-no-emul-boot"];

  test("xorriso, with two ways to boot", async () => {
    const { path, text } = hostDirectory();
    await tool("xorriso", ["-as", "mkisofs", "-o", image, "-V", "XORRISO", "-R", "-J", ...boot, ...efi, path]);
    const read = readImage();
    const { "/boot/catalog": catalog, ...rest } = contentsOf(read.tree);
    expect(catalog).toMatch(/^file .* 2048 /);
    expect(rest).toEqual(text);
    expect(read).toMatchObject({ label: "XORRISO", features: ["el-torito", "joliet", "rock-ridge"], problems: [] });
    expect(read.details.filter(([name]) => name === "boots").map(([, value]) => value)).toEqual([
      "BIOS: /boot/bios.img (5.0 KB), no emulation, loads 2.0 KB",
      "UEFI: /boot/efi.img (9.0 KB), no emulation, loads 10.2 KB",
    ]);
  });

  test("genisoimage, which moves deep directories away", async () => {
    const { path, text } = hostDirectory();
    await tool("genisoimage", ["-o", image, "-V", "GEN", "-R", "-J", ...boot, path]);
    const read = readImage();
    const { "/boot/catalog": _, ...rest } = contentsOf(read.tree);
    expect(rest).toEqual(text);
    expect(read.problems).toEqual([]);
    const plain = await runOracle("isoinfo", ["-f", "-i", image]);
    expect(plain.output).toContain("/RR_MOVED/");
    const node = read.tree.get("/UPPER.TXT");
    expect(read.tree.get("/second name")).toBe(node);
  });

  test("libarchive, with owners, modes and devices", async () => {
    const lines = [
      "#mtree",
      ". type=dir mode=0755 uid=0 gid=0 time=1700000000",
      "./su type=file mode=4755 uid=0 gid=1000 size=0 time=1600000000",
      "./tmp type=dir mode=1777 uid=5 gid=70000 time=1700000001",
      "./null type=char mode=0666 uid=0 gid=0 device=native,1,3 time=1700000000",
      "./vda type=block mode=0660 uid=0 gid=6 device=native,254,17 time=1700000000",
      "./pipe type=fifo mode=0600 uid=1 gid=1 time=1700000000",
    ];
    const list = join(scratch, "list.mtree");
    writeFileSync(list, `${lines.join("\n")}\n`);
    await tool("bsdtar", ["-cf", image, "--format=iso9660", "--options=iso9660:rockridge=strict", `@${list}`]);
    expect(textOfTree(readImage().tree)).toMatchObject({
      "/su": "file 4755 0:1000 1600000000 0 e3b0c44298fc",
      "/tmp": "directory 1777 5:70000 1700000001",
      "/null": "character-device 0666 0:0 1700000000 1:3",
      "/vda": "block-device 0660 0:6 1700000000 254:17",
      "/pipe": "fifo 0600 1:1 1700000000",
    });
  });

  test("without Rock Ridge Joliet's names are taken", async () => {
    const { path, text } = hostDirectory();
    await tool("genisoimage", ["-o", image, "-J", "-joliet-long", "-D", "-quiet", path]);
    const read = readImage();
    expect(read.features).toEqual(["joliet"]);
    const files = Object.keys(text).filter((name) => !/link|absolute|long|nnn/.test(name));
    expect([...read.tree.entries()].map(([name]) => name)).toEqual(expect.arrayContaining(files));
    expect(contentsOf(read.tree)["/a name with é and spaces.text"]).toBe(text["/a name with é and spaces.text"]);
    expect(read.tree.get("/empty")).toMatchObject({ mode: 0o444, uid: 0 });
  });

  test("without either the plain ones, in lower case and without a version", async () => {
    const { path } = hostDirectory();
    await tool("genisoimage", [
      "-o",
      image,
      "-quiet",
      join(path, "boot"),
      join(path, "UPPER.TXT"),
      join(path, "empty"),
    ]);
    const read = readImage();
    expect([...read.tree.entries()].map(([name]) => name)).toEqual([
      "/",
      "/bios.img",
      "/efi.img",
      "/empty",
      "/upper.txt",
    ]);
    expect(read.features).toEqual([]);
  });

  test("files compressed by zisofs are told when they are read", async () => {
    const { path } = hostDirectory();
    writeFileSync(join(path, "zeros"), new Uint8Array(200_000));
    rmSync(image, { force: true });
    await tool("xorriso", ["-outdev", image, "-map", path, "/", "-set_filter_r", "--zisofs", "/zeros", "--"]);
    const node = readImage().tree.get("/zeros");
    expect(node?.type === "file" && problemsOf(() => readAll(node.content))).toMatchObject([
      { code: "image/unsupported", message: expect.stringContaining("compressed by zisofs") },
    ]);
  });
});

describe("damage is told, and what can be read is read", () => {
  const tree = () => treeOf({ "/A": file(pattern(3000)), "/DIR/SUB/FILE": file(pattern(100)), "/Z": file("z") });
  const open = () => {
    const bytes = Buffer.from(readAll(plan(tree())));
    const root = bytes.readUInt32LE(16 * 2048 + 156 + 2) * 2048;
    /** Offset of the record with this plain identifier in a directory. */
    const record = (directory: number, identifier: string) => {
      const at = bytes.indexOf(identifier, directory, "latin1");
      expect(at).toBeGreaterThan(0);
      return at - 33;
    };
    return { bytes, root, record, read: () => iso9660Reader.read(bytesSource(bytes)) };
  };

  test("a directory that leads back to the root", () => {
    const { bytes, root, record, read } = open();
    bytes.writeUInt32LE(root / 2048, record(root, "DIR") + 2);
    const { tree: found, problems } = read();
    expect([...found.entries()].map(([path]) => path)).toEqual(["/", "/A", "/DIR", "/Z"]);
    expect(problems).toEqual(["/DIR: its entries are those of /"]);
  });

  test("contents and directories past the end", () => {
    const { bytes, root, record, read } = open();
    bytes.writeUInt32LE(1_000_000, record(root, "A.;1") + 2);
    bytes.writeUInt32LE(1_000_000, record(root, "DIR") + 2);
    const { tree: found, problems } = read();
    expect(problems).toEqual(["/DIR: its entries lie past the end"]);
    const node = found.get("/A");
    expect(node?.type === "file" && problemsOf(() => readAll(node.content))).toMatchObject([
      { code: "image/damaged", message: expect.stringContaining("/A: its content lies past the end") },
    ]);
  });

  test("a record that is longer than its sector", () => {
    const { bytes, root, record, read } = open();
    bytes.writeUInt8(7, record(root, "Z.;1"));
    const { tree: found, problems } = read();
    expect(found.list("/")).toEqual(["A", "DIR"]);
    expect(problems).toEqual(["/: some of its entries are damaged"]);
  });

  test("an image cut short", () => {
    const { bytes } = open();
    const { problems } = iso9660Reader.read(bytesSource(bytes.subarray(0, bytes.length - 2048)));
    expect(problems[0]).toBe(`it says that it has ${bytes.length} bytes, and there are ${bytes.length - 2048}`);
  });

  test("no primary descriptor", () => {
    const { bytes, read } = open();
    bytes.writeUInt8(3, 16 * 2048);
    expect(problemsOf(read)).toMatchObject([{ code: "image/damaged" }]);
  });

  test("a file of several extents", () => {
    const { bytes, root, record, read } = open();
    // A goes on in what was Z: two records of one name, the first one with the flag.
    const [a, z] = [record(root, "A.;1"), record(root, "Z.;1")];
    bytes.writeUInt8(0x80, a + 25);
    const directory = bytes.subarray(a, a + bytes.readUInt8(a));
    const copy = Buffer.from(directory);
    copy.writeUInt8(0, 25);
    bytes.copy(copy, 2, z + 2, z + 18);
    // Z's record and DIR's are moved on by nothing: the copy replaces DIR's, which lies between them.
    const dir = record(root, "DIR");
    const rest = bytes.readUInt8(dir);
    expect(copy.length).toBeLessThanOrEqual(rest);
    bytes.fill(0, dir, root + 2048);
    copy.copy(bytes, dir);
    const node = read().tree.get("/A");
    expect(node?.type === "file" && Buffer.from(readAll(node.content))).toEqual(
      Buffer.concat([pattern(3000), Buffer.from("z")]),
    );
  });
});

test.each([
  ["nothing", new Uint8Array(0)],
  ["zeros", new Uint8Array(40_000)],
])("%s is no ISO 9660", (_, bytes) => expect(iso9660Reader.detect(bytesSource(bytes))).toBe(false));

test("mutated images give a result or an error", async () => {
  const { path } = hostDirectory();
  const images: ByteSource[] = [plan(treeOf({ "/a/b/c": file(pattern(3000)), "/link": symlink("x/y/z") }))];
  const boot = ["-b", "boot/bios.img", "-no-emul-boot"];
  for (const [program, args] of [
    ["xorriso", ["-as", "mkisofs", "-R", "-J", ...boot]],
    ["genisoimage", ["-R", "-quiet", ...boot]],
    ["genisoimage", ["-J", "-D", "-joliet-long", "-quiet"]],
    ["genisoimage", ["-D", "-quiet"]],
  ] as const) {
    await tool(program, [...args, "-o", image, path]);
    images.push(bytesSource(readFileSync(image)));
  }
  survivesMutations(iso9660Reader, images, [
    [16 * 2048, 16 * 2048 + 200],
    [17 * 2048, 20 * 2048],
    [19 * 2048, 60 * 2048],
    [19 * 2048, 90 * 2048],
  ]);
}, 600_000);
