import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unpackedTree } from "../../../src/build/packages/unpacked.ts";
import { bytesSource, composeSource, sliceSource } from "../../../src/core/byte-source.ts";
import { contentDigest } from "../../../src/core/content-digest.ts";
import { defaultAttributes, type Node, Tree } from "../../../src/core/tree.ts";
import { textOfTree } from "../filesystems/tree-text.ts";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "cloudimg-unpacked-"));
});
afterAll(() => rm(cache, { recursive: true }));

let count = 0;
async function throughCache(tree: Tree): Promise<Tree> {
  const sha256 = String(count++).padStart(64, "0");
  const context = { directories: { cache, data: cache }, signal: new AbortController().signal };
  const archive = { kind: "tar", sha256, origin: "package a" } as const;
  await unpackedTree(archive, context, async () => tree);
  return await unpackedTree(archive, context, () => Promise.reject(new Error("it was not kept")));
}

const base = { ...defaultAttributes, origin: "package a" };
const file = (bytes: Uint8Array): Node => ({ ...base, type: "file", content: bytesSource(bytes) });

test("all kinds of nodes, owners, times, attributes, hard links, holes and names of any encoding", async () => {
  const tree = new Tree({ origin: "package a" });
  const shared = { ...file(Buffer.from("shared")), mode: 0o4755, uid: 7, gid: 8, mtime: -5 };
  const hole = composeSource(1e9, [
    { offsetBytes: 4096, source: bytesSource(Buffer.from("first")) },
    { offsetBytes: 1e9 - 6, source: bytesSource(Buffer.from("second")) },
  ]);
  tree.set("/a", shared);
  tree.set("/z/b", shared);
  tree.set("/empty", file(new Uint8Array()));
  tree.set("/name-\udce9", { ...base, type: "symlink", mode: 0o777, target: "to-\udcff" });
  tree.set("/x", { ...file(Buffer.from("x")), xattrs: new Map([["user.a", Uint8Array.of(0, 255)]]) });
  tree.set("/null", { ...base, type: "character-device", major: 1, minor: 3 });
  tree.set("/pipe", { ...base, type: "fifo" });
  const text = textOfTree(tree);
  tree.set("/hole", { ...base, type: "file", content: hole });
  const back = await throughCache(tree);
  const kept = back.get("/hole");
  back.remove("/hole");
  expect(textOfTree(back)).toEqual(text);
  expect(back.get("/z/b")).toBe(back.get("/a"));
  expect(back.get("/x")?.origin).toBe("package a");
  if (kept?.type !== "file") throw new Error("no file");
  expect(kept.content.extents).toEqual(hole.extents);
  const around = new Uint8Array(20);
  kept.content.read(around, 4090);
  expect(Buffer.from(around).toString()).toBe(`${"\0".repeat(6)}first${"\0".repeat(9)}`);
  kept.content.read(around, 1e9 - 20);
  expect(Buffer.from(around).toString()).toBe(`${"\0".repeat(14)}second`);
});

test("digests come with the contents", async () => {
  const tree = new Tree();
  tree.set("/a", file(Buffer.from("text")));
  const node = (await throughCache(tree)).get("/a");
  if (node?.type !== "file") throw new Error("no file");
  expect(contentDigest(node.content)).toBe("982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
});

test("contents too large for memory are read from the file, wherever one begins", async () => {
  const bytes = Buffer.alloc(5 * 1024 * 1024, "0123456789");
  const tree = new Tree();
  tree.set("/a", file(Buffer.from("in front")));
  tree.set("/b", file(bytes));
  const node = (await throughCache(tree)).get("/b");
  if (node?.type !== "file") throw new Error("no file");
  const { content } = node;
  fc.assert(
    fc.property(fc.nat(bytes.length), fc.nat(10_000), (at, length) => {
      const end = Math.min(bytes.length, at + length);
      const got = new Uint8Array(end - at);
      sliceSource(content, at, end - at).read(got, 0);
      expect(Buffer.compare(got, bytes.subarray(at, end))).toBe(0);
    }),
    { numRuns: 50 },
  );
});
