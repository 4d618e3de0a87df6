import { expect, test } from "vitest";
import { textSource, zeroSource } from "../../src/core/byte-source.ts";
import { contentDigest, treeDigest } from "../../src/core/content-digest.ts";
import { defaultAttributes, type FileNode, type Node, Tree } from "../../src/core/tree.ts";

const file = (text: string, more: Partial<FileNode> = {}): Node => ({
  ...defaultAttributes,
  ...more,
  type: "file",
  content: textSource(text),
});

function digestOf(entries: Record<string, Node>): string {
  const tree = new Tree();
  for (const [path, node] of Object.entries(entries)) tree.set(path, node);
  return treeDigest(tree);
}

test("the digest of content is SHA-256, holes too, in pieces too", () => {
  expect(contentDigest(textSource("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(contentDigest(zeroSource(3 * 1024 * 1024 + 1))).toBe(
    contentDigest({ ...textSource("\0".repeat(3 * 1024 * 1024 + 1)) }),
  );
});

test("a tree's digest changes with all but who put it there", () => {
  const shared = file("a");
  const digest = digestOf({ "/a": shared, "/b": file("a") });
  expect(digestOf({ "/b": file("a", { origin: "another" }), "/a": file("a") })).toBe(digest);
  const others: Record<string, Node>[] = [
    { "/a": shared, "/b": shared },
    { "/a": file("a"), "/c": file("a") },
    { "/a": file("a"), "/b": file("b") },
    { "/a": file("a"), "/b": file("a", { mode: 0o600 }) },
    { "/a": file("a"), "/b": file("a", { uid: 1 }) },
    { "/a": file("a"), "/b": file("a", { mtime: 1 }) },
    { "/a": file("a"), "/b": file("a", { xattrs: new Map([["user.a", Uint8Array.of(1)]]) }) },
    { "/a": file("a"), "/b": { ...defaultAttributes, type: "symlink", target: "a" } },
    { "/a": file("a"), "/b": { ...defaultAttributes, type: "character-device", major: 1, minor: 2 } },
    { "/a": file("a"), "/b": { ...defaultAttributes, type: "fifo" } },
  ];
  expect(new Set([digest, ...others.map(digestOf)]).size).toBe(others.length + 1);
});
