import { lstatSync, mkdtempSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cpioArchive } from "../../../src/build/filesystems/cpio.ts";
import { type ByteSource, readAll } from "../../../src/core/byte-source.ts";
import { decodeName } from "../../../src/core/names.ts";
import type { Node, Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { digestOf } from "./filesystem-writer-contract.ts";
import { attributes, file, pattern, scratchDirectory, sparseSource, symlink, writeImage } from "./images.ts";
import { treesArbitrary } from "./random-trees.ts";
import { problemsOf, treeOf } from "./requests.ts";

const scratch = scratchDirectory();
const archive = join(scratch, "archive.cpio");

/** `cpio -tv` of each entry, cut into its columns. */
async function listed(source: ByteSource): Promise<string[]> {
  await writeImage(source, archive);
  const { status, output } = await runOracle("cpio", ["-itvn", "--quiet", "-F", archive], "latin1");
  if (status !== 0) throw new Error(output);
  return output
    .trimEnd()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));
}

/** What `cpio -tvn` shall say of a tree: mode, links, owner, size or device, time, name. */
function expected(tree: Tree): string[] {
  const all = [...tree.entries()];
  const left = new Map<Node, number>();
  for (const [, node] of all) left.set(node, (left.get(node) ?? 0) + 1);
  const count = new Map(left);
  return all
    .map(([path, node]) => {
      const linkable = node.type !== "directory" && node.type !== "symlink";
      left.set(node, (left.get(node) as number) - 1);
      const links = linkable
        ? count.get(node)
        : node.type === "directory"
          ? 2 +
            tree.list(path).filter((name) => tree.get(`${path === "/" ? "" : path}/${name}`)?.type === "directory")
              .length
          : 1;
      const size =
        node.type === "file"
          ? String(left.get(node) === 0 ? node.content.sizeBytes : 0)
          : node.type === "symlink"
            ? String(Buffer.byteLength(node.target))
            : "major" in node
              ? `${node.major}, ${node.minor}`
              : "0";
      return { path, node, links, size };
    })
    .map(({ path, node, links, size }) => {
      const name = path.slice(1) || ".";
      return [links, node.uid, node.gid, size, name + (node.type === "symlink" ? ` -> ${node.target}` : "")].join(" ");
    });
}

function withoutModeAndTime(line: string): string {
  const match = /^\S+ (\d+) (\d+) (\d+) (\d+(?:, \d+)?) \w+ +\d+ (?:\d+:\d+|\d{4}) (.*)$/.exec(line);
  if (match === null) throw new Error(`not a line of cpio: ${line}`);
  return match.slice(1).join(" ");
}

test("every kind of node is listed as it is", async () => {
  const shared = file("shared", { mode: 0o4755 });
  const tree = treeOf({
    "/bin": { ...attributes, type: "directory", mode: 0o1777, uid: 1, gid: 2 },
    "/bin/a": shared,
    "/bin/b": shared,
    "/dev/console": { ...attributes, mode: 0o600, type: "character-device", major: 5, minor: 1 },
    "/dev/sd": { ...attributes, mode: 0o660, type: "block-device", major: 8, minor: 300 },
    "/empty": file(""),
    "/fifo": { ...attributes, mode: 0o600, type: "fifo" },
    "/init": symlink("bin/a"),
    "/z": shared,
  });
  expect(await listed(cpioArchive(tree))).toEqual([
    "drwxr-xr-x 4 0 0 0 Nov 14 2023 .",
    "drwxrwxrwt 2 1 2 0 Nov 14 2023 bin",
    "-rwsr-xr-x 3 0 0 0 Nov 14 2023 bin/a",
    "-rwsr-xr-x 3 0 0 0 Nov 14 2023 bin/b",
    "drwxr-xr-x 2 0 0 0 Nov 14 2023 dev",
    "crw------- 1 0 0 5, 1 Nov 14 2023 dev/console",
    "brw-rw---- 1 0 0 8, 300 Nov 14 2023 dev/sd",
    "-rw-r--r-- 1 0 0 0 Nov 14 2023 empty",
    "prw------- 1 0 0 0 Nov 14 2023 fifo",
    "lrwxrwxrwx 1 0 0 5 Nov 14 2023 init -> bin/a",
    "-rwsr-xr-x 3 0 0 6 Nov 14 2023 z",
  ]);
});

test("contents, links and targets come out of cpio as they went in", async () => {
  const shared = file(pattern(10_000));
  const nodes: Record<string, Node> = {
    "/sizes/0": file(""),
    "/sizes/1": file(pattern(1)),
    "/sizes/4": file(pattern(4)),
    "/sizes/5": file(pattern(5)),
    "/sparse": file(sparseSource(100_000, [0, 50_000])),
    "/shared-1": shared,
    "/shared-2": shared,
    "/link": symlink("sizes/1"),
    [`/${"n".repeat(255)}`]: file("long name"),
    "/byte \udcff": file("odd name"),
  };
  await writeImage(cpioArchive(treeOf(nodes)), archive);
  const directory = mkdtempSync(join(scratch, "out-"));
  const { status, output } = await runOracle("cpio", ["-idm", "--quiet", "-D", directory, "-F", archive], "latin1");
  expect(output).toBe("");
  expect(status).toBe(0);
  const at = (path: string): Buffer =>
    Buffer.concat([Buffer.from(directory), Buffer.from(path.replace("\udcff", "\xff"), "latin1")]);
  for (const [path, node] of Object.entries(nodes))
    if (node.type === "file") expect(readFileSync(at(path))).toEqual(Buffer.from(readAll(node.content)));
  expect(readlinkSync(join(directory, "link"))).toBe("sizes/1");
  expect(lstatSync(join(directory, "shared-1")).ino).toBe(lstatSync(join(directory, "shared-2")).ino);
  expect(lstatSync(join(directory, "sizes/1")).mtimeMs).toBe(1_700_000_000_000);
});

test("any tree is listed as it is", async () => {
  const trees = treesArbitrary({ xattrs: false, maxTime: 2 ** 31 - 1, oddNames: false });
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const lines = (await listed(cpioArchive(tree))).map((line) => decodeName(Buffer.from(line, "latin1")));
      expect(lines.map(withoutModeAndTime)).toEqual(expected(tree));
    }),
    { numRuns: 30 },
  );
});

describe("the archive", () => {
  const tree = treeOf({ "/a": file(pattern(700)), "/sparse": file(sparseSource(10_000_000, [0])) });

  test("is made of whole 512-byte blocks and ends with the trailer", () => {
    const bytes = Buffer.from(readAll(cpioArchive(tree)));
    expect(bytes.length % 512).toBe(0);
    expect(bytes.subarray(bytes.lastIndexOf("TRAILER!!!")).toString()).toMatch(/^TRAILER!!!\0+$/);
    expect(bytes.length - bytes.lastIndexOf("TRAILER!!!")).toBeLessThan(512 + 16);
  });

  test("keeps holes", () => {
    const dataBytes = cpioArchive(tree).extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    expect(dataBytes).toBeLessThan(2000);
  });

  test("is the same again", () => expect(digestOf(cpioArchive(tree))).toBe(digestOf(cpioArchive(tree))));
});

test("what the format cannot hold is said, all of it", () => {
  const tree = treeOf({
    "/a": file("", { xattrs: new Map([["user.a", pattern(1)]]) }),
    "/b": symlink("t".repeat(4096)),
    "/c": file({ sizeBytes: 2 ** 32, extents: [], read() {} }),
    "/d": file("", { mtime: -1 }),
  });
  expect(problemsOf(() => cpioArchive(tree))).toEqual(
    [
      "/a into a cpio archive: it has extended attributes (user.a)",
      "/b into a cpio archive: its target's length 4096 is not between 0 and 4095",
      "/c into a cpio archive: its size 4294967296 is not between 0 and 4294967295",
      "/d into a cpio archive: its time -1 is not between 0 and 4294967295",
    ].map((message) => ({ code: "image/unsupported", message: `cannot put ${message}` })),
  );
});
