import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planIso9660 } from "../../../src/build/filesystems/iso9660.ts";
import { bytesSource, composeSource, readAll, textSource, zeroSource } from "../../../src/core/byte-source.ts";
import { encodeName } from "../../../src/core/names.ts";
import { defaultAttributes, type Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { treesArbitrary } from "./random-trees.ts";

const epochSeconds = 1_700_000_000;
const attributes = { ...defaultAttributes, mtime: epochSeconds };
const file = (text: string, more: Partial<Node> = {}) =>
  ({ ...attributes, mode: 0o644, ...more, type: "file", content: textSource(text) }) as Node;
const link = (target: string) => ({ ...attributes, mode: 0o777, type: "symlink", target }) as Node;

let directory: string;
let image: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-iso-"));
  image = join(directory, "image.iso");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function treeOf(nodes: Readonly<Record<string, Node>>): Tree {
  const tree = new Tree(attributes);
  for (const [path, node] of Object.entries(nodes)) tree.set(path, node);
  return tree;
}

function write(tree: Tree, label = "config-2"): Buffer {
  const bytes = Buffer.from(readAll(planIso9660({ tree, label, epochSeconds })));
  writeFileSync(image, bytes);
  return bytes;
}

const configDrive = () => {
  const metaData = file('{"uuid":"i-1"}\n');
  return treeOf({
    "/openstack/latest/meta_data.json": metaData,
    "/openstack/latest/user_data": file("#cloud-config\n"),
    "/openstack/2018-08-27/meta_data.json": { ...metaData },
    "/openstack/content/0000": file("x".repeat(5000)),
  });
};

/** What libarchive reads through Rock Ridge: escaped path → a line of facts. */
async function rockRidgeText(): Promise<Record<string, string>> {
  const keys = ["type", "mode", "uid", "gid", "time", "link", "size", "sha256", "device"];
  const options = `mtree:!all,${keys.map((key) => `mtree:${key}`).join(",")}`;
  const { status, output } = await runOracle("bsdtar", [
    "-cf",
    "-",
    "--format=mtree",
    `--options=${options}`,
    `@${image}`,
  ]);
  expect(status, output).toBe(0);
  const text: Record<string, string> = {};
  for (const line of output.split("\n")) {
    const [path, ...fields] = line.split(" ");
    if (!path?.startsWith(".")) continue;
    const get = Object.fromEntries(fields.map((field) => field.split("=") as [string, string]));
    const detail = [get["link"], get["size"], get["sha256digest"], get["device"]].filter((part) => part !== undefined);
    const mode = get["type"] === "link" ? "777" : get["mode"];
    text[path] = [get["type"], mode, `${get["uid"]}:${get["gid"]}`, Number(get["time"]), ...detail].join(" ");
  }
  return text;
}

/** The same of the tree that was planned. */
function textOf(tree: Tree): Record<string, string> {
  const text: Record<string, string> = {};
  for (const [path, node] of tree.entries()) {
    const mode = node.type === "symlink" ? "777" : node.mode.toString(8);
    const facts = [mtreeTypes[node.type], mode, `${node.uid}:${node.gid}`, node.mtime, ...detailOf(node)];
    text[path === "/" ? "." : `.${escapePath(path)}`] = facts.join(" ");
  }
  return text;
}

/** libarchive tells the second name of a file without its content, and which one is second is its affair. */
function hideLinked(tree: Tree, text: Record<string, string>): Record<string, string> {
  const paths = new Map<Node, string[]>();
  for (const [path, node] of tree.entries())
    if (node.type === "file") paths.set(node, [...(paths.get(node) ?? []), `.${escapePath(path)}`]);
  const linked = new Set([...paths.values()].filter((names) => names.length > 1).flat());
  return Object.fromEntries(
    Object.entries(text).map(([path, line]) => [path, linked.has(path) ? line.split(" ").slice(0, 4).join(" ") : line]),
  );
}

const mtreeTypes: Record<Node["type"], string> = {
  file: "file",
  directory: "dir",
  symlink: "link",
  fifo: "fifo",
  socket: "socket",
  "character-device": "char",
  "block-device": "block",
};

function detailOf(node: Node): (string | number)[] {
  // Rock Ridge keeps the parts of a target, so a slash at its end is lost.
  if (node.type === "symlink") return [escapePath(node.target.replace(/(?<=.)\/+$/, ""))];
  if (node.type === "character-device" || node.type === "block-device") return [`native,${node.major},${node.minor}`];
  if (node.type !== "file") return [];
  const content = readAll(node.content);
  return [content.length, createHash("sha256").update(content).digest("hex")];
}

/** mtree writes bytes that are not plain as backslash and three octal digits. */
function escapePath(path: string): string {
  return [...encodeName(path)]
    .map((byte) =>
      byte > 32 && byte < 127 && byte !== 35 && byte !== 61 && byte !== 92
        ? String.fromCharCode(byte)
        : `\\${byte.toString(8).padStart(3, "0")}`,
    )
    .join("");
}

/** Paths that xorriso finds in the tree it was told to read. */
async function pathsIn(readAs: "norock" | "nojoliet"): Promise<string[]> {
  const { status, output } = await runOracle("xorriso", ["-read_fs", readAs, "-indev", image, "-find", "/"]);
  expect(status, output).toBe(0);
  return output
    .split("\n")
    .flatMap((line) => (line.startsWith("'/") ? [line.slice(1, -1)] : []))
    .sort();
}

describe("what a config drive is", () => {
  test("both volume descriptors have the label as it was given", async () => {
    const bytes = write(configDrive());
    expect(bytes.subarray(16 * 2048 + 40).toString("latin1", 0, 32)).toBe("config-2".padEnd(32));
    const joliet = Buffer.from(bytes.subarray(17 * 2048 + 40, 17 * 2048 + 72)).swap16();
    expect(joliet.toString("utf16le")).toBe("config-2".padEnd(16));
    const { output } = await runOracle("isoinfo", ["-d", "-i", image]);
    expect(output).toContain("Volume id: config-2\n");
    expect(output).toContain("Joliet with UCS level 3 found");
    expect(output).toContain("Rock Ridge signatures version 1 found");
    expect(output).toContain(`Volume size is: ${bytes.length / 2048}\n`);
  });

  test("Linux sees all of it", async () => {
    const tree = configDrive();
    write(tree);
    expect(await rockRidgeText()).toEqual(textOf(tree));
  });

  test("Windows sees the same names", async () => {
    const tree = configDrive();
    write(tree);
    expect(await pathsIn("norock")).toEqual([...tree.entries()].map(([path]) => path).sort());
  });

  test("a guest that knows neither extension finds names it can make sense of", async () => {
    write(configDrive());
    const { output } = await runOracle("isoinfo", ["-f", "-i", image]);
    expect(output.trim().split("\n")).toEqual([
      "/OPENSTACK",
      "/OPENSTACK/2018_08_27",
      "/OPENSTACK/CONTENT",
      "/OPENSTACK/LATEST",
      "/OPENSTACK/2018_08_27/META_DATA.JSON;1",
      "/OPENSTACK/CONTENT/0000.;1",
      "/OPENSTACK/LATEST/META_DATA.JSON;1",
      "/OPENSTACK/LATEST/USER_DATA.;1",
    ]);
  });

  test("the same twice", () => {
    expect(write(configDrive()).equals(write(configDrive()))).toBe(true);
  });
});

describe("boundary cases", () => {
  test.each([
    ["an empty disc", {}],
    ["an empty file", { "/empty": file("") }],
    ["a file of one sector", { "/sector": file("s".repeat(2048)), "/more": file("s".repeat(2049)) }],
    ["a name of 255 bytes", { [`/${"n".repeat(255)}`]: file("a"), [`/${"é".repeat(127)}x`]: file("b") }],
    [
      "names around what fits a record",
      Object.fromEntries(
        Array.from({ length: 120 }, (_, index) => [`/${"r".repeat(index + 60)}`, file(String(index))]),
      ),
    ],
    [
      "many files: records of several sectors",
      Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`/many/file number ${index}.config`, file(String(index))]),
      ),
    ],
    ["eight levels", { "/1/2/3/4/5/6/7/file": file("deep") }],
    [
      "links of every kind",
      {
        "/absolute": link("/etc/hostname"),
        "/dots": link("../a/./b/.."),
        "/root": link("/"),
        "/up": link(".."),
        "/long": link(`/${["a", "b", "c", "d"].map((letter) => letter.repeat(240)).join("/")}`),
        "/one-long-part": link("p".repeat(255)),
      },
    ],
    [
      "devices",
      {
        "/null": { ...attributes, mode: 0o666, type: "character-device", major: 1, minor: 3 } as Node,
        "/vda": { ...attributes, mode: 0o660, gid: 6, type: "block-device", major: 254, minor: 255 } as Node,
      },
    ],
    [
      "set-id and sticky bits, owners",
      {
        "/su": file("x", { mode: 0o4755, uid: 1000, gid: 70_000 }),
        "/tmp": { ...attributes, mode: 0o1777, type: "directory" } as Node,
      },
    ],
  ] as [string, Record<string, Node>][])("%s", async (_, nodes) => {
    const tree = treeOf(nodes);
    write(tree);
    expect(await rockRidgeText()).toEqual(textOf(tree));
    // A second reader, written by others, walks the same tree.
    expect(await pathsIn("nojoliet")).toEqual([...tree.entries()].map(([path]) => path).sort());
  });

  test("names that only differ in what the alphabets lack stay apart", async () => {
    const names = [
      "a b.txt",
      "a_b.txt",
      "A_B.TXT",
      "a?b.txt",
      "😀",
      "🦊",
      `${"l".repeat(80)}1.json`,
      `${"l".repeat(80)}2.json`,
    ];
    write(treeOf(Object.fromEntries(names.map((name) => [`/${name}`, file(name)]))));
    const { output } = await runOracle("isoinfo", ["-f", "-i", image]);
    const plain = output.trim().split("\n");
    expect(new Set(plain).size).toBe(names.length);
    for (const path of plain) expect(path).toMatch(/^\/[A-Z0-9_]+\.[A-Z0-9_]*;1$/);
    const joliet = (await pathsIn("norock")).slice(1);
    expect(joliet).toEqual(
      [
        "/A_B.TXT",
        "/a b.txt",
        "/a_b.txt",
        "/a_b1.txt",
        "/_",
        "/_1",
        `/${"l".repeat(59)}.json`,
        `/${"l".repeat(58)}1.json`,
      ].sort(),
    );
  });

  test("links and devices are not in Joliet's tree, where they would be empty files", async () => {
    write(treeOf({ "/file": file("x"), "/link": link("file") }));
    expect(await pathsIn("norock")).toEqual(["/", "/file"]);
  });

  test("hard links share their content", async () => {
    const node = file("the same\n");
    write(treeOf({ "/a": node, "/sub/b": node, "/other": file("the same\n") }));
    const extracted = join(directory, "extracted");
    const { status, output } = await runOracle("xorriso", [
      "-osirrox",
      "on",
      "-indev",
      image,
      "-extract",
      "/",
      extracted,
    ]);
    expect(status, output).toBe(0);
    for (const name of ["a", "sub/b", "other"]) expect(readFileSync(join(extracted, name), "utf8")).toBe("the same\n");
    expect(readFileSync(image, "latin1").split("the same").length - 1).toBe(2);
  });

  test("a hole in a file reads as zeros", async () => {
    const content = composeSource(50_000, [{ offsetBytes: 40_000, source: bytesSource(new Uint8Array(100).fill(7)) }]);
    const tree = treeOf({ "/sparse": { ...attributes, type: "file", content } });
    write(tree);
    expect(await rockRidgeText()).toEqual(textOf(tree));
  });
});

test("any tree comes back, owners, modes, times and contents included", async () => {
  const trees = treesArbitrary({ xattrs: false, maxTime: 2 ** 32 - 1, oddNames: false });
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      // Readers disagree on device numbers of more than 8 bits of minor; ours are what Linux reads.
      for (const [path, node] of tree.entries())
        if ("minor" in node) tree.set(path, { ...node, minor: node.minor % 256 }, { replace: true });
      write(tree);
      expect(hideLinked(tree, await rockRidgeText())).toEqual(hideLinked(tree, textOf(tree)));
    }),
    { numRuns: 25 },
  );
});

describe("what the format cannot hold", () => {
  test.each([
    ["a ninth level", { "/1/2/3/4/5/6/7/8/file": file("x") }, "cannot put /1/2/3/4/5/6/7/8 on an ISO 9660 disc"],
    [
      "a file of 4 GiB",
      { "/big": { ...attributes, type: "file", content: zeroSource(2 ** 32) } as Node },
      "smaller than 4 GiB",
    ],
    [
      "extended attributes",
      { "/x": file("x", { xattrs: new Map([["user.a", new Uint8Array(1)]]) }) },
      "cannot put /x on",
    ],
  ] as [string, Record<string, Node>, string][])("%s", (_, nodes, message) => {
    expect(() => planIso9660({ tree: treeOf(nodes), label: "", epochSeconds })).toThrow(message);
  });

  test.each(["l".repeat(33), "étiquette"])("label %s", (label) => {
    expect(() => planIso9660({ tree: new Tree(), label, epochSeconds })).toThrow("cannot label an ISO 9660 disc");
  });
});

test("every number in two byte orders agrees with itself, and records stay inside sectors", () => {
  write(configDrive());
  const bytes = readFileSync(image);
  for (const sector of [16, 17]) {
    const descriptor = bytes.subarray(sector * 2048, (sector + 1) * 2048);
    expect(descriptor.readUInt32LE(80)).toBe(descriptor.readUInt32BE(84));
    const [tableL, tableM] = [descriptor.readUInt32LE(140), descriptor.readUInt32BE(148)];
    const length = descriptor.readUInt32LE(132);
    for (
      let at = 0;
      at < length;
      at += 8 + (bytes[tableL * 2048 + at] as number) + ((bytes[tableL * 2048 + at] as number) % 2)
    ) {
      const [l, m] = [tableL * 2048 + at, tableM * 2048 + at];
      expect(bytes.readUInt32LE(l + 2)).toBe(bytes.readUInt32BE(m + 2));
      expect(bytes.readUInt16LE(l + 6)).toBe(bytes.readUInt16BE(m + 6));
      // Where the path table says a directory is, its "." says so too.
      expect(bytes.readUInt32LE(bytes.readUInt32LE(l + 2) * 2048 + 2)).toBe(bytes.readUInt32LE(l + 2));
    }
  }
});
