import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { addImageManifest } from "../../src/build/manifest.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { contentDigest, rememberDigest } from "../../src/core/content-digest.ts";
import { CloudimgError } from "../../src/core/errors.ts";
import { imageManifestPath, parseImageManifest } from "../../src/core/image-manifest.ts";
import type { Tree } from "../../src/core/tree.ts";
import { profileSchema } from "../../src/profile/schema.ts";
import { fileNode, treeOf } from "./rootfs/trees.ts";

const profile = profileSchema.parse({ image: { name: "small" } });
const lock = {
  formatVersion: 1 as const,
  inputsDigest: "",
  inputs: { arch: "", suite: "", components: [], updates: false, security: false, include: [], exclude: [], tools: [] },
  epochSeconds: 5,
  archives: [],
  packages: [],
};

function tree(): Tree {
  const shared = fileNode("package app", "text", { mode: 0o4755, uid: 7 });
  return treeOf("package app", {
    "/a": shared,
    "/b": { ...shared, xattrs: new Map([["user.x", Uint8Array.of(1, 2)]]) },
    "/c": shared,
    "/dev/null": { ...shared, type: "character-device", major: 1, minor: 3 } as never,
    "/link": "-> a",
    "/name-\udce9": "latin",
  });
}

function manifestOf(made: Tree): string {
  addImageManifest({ loaded: { profile, digest: "d".repeat(64) }, lock, tree: made });
  const node = made.get(imageManifestPath);
  if (node?.type !== "file") throw new Error("no manifest");
  return Buffer.from(readAll(node.content)).toString();
}

test("every path with all that matters of it, a line each", () => {
  const text = manifestOf(tree());
  const { paths, image } = parseImageManifest(text);
  const sha256 = hash("sha256", "text");
  expect(image).toEqual({ name: "small", version: "1", arch: "amd64" });
  expect(paths).toEqual([
    { path: "/", type: "directory", mode: "0755", origin: "package app" },
    { path: "/a", type: "file", mode: "4755", uid: 7, size: 4, sha256, origin: "package app" },
    {
      path: "/b",
      type: "file",
      mode: "4755",
      uid: 7,
      size: 4,
      sha256,
      xattrs: { "user.x": "AQI=" },
      origin: "package app",
    },
    { path: "/c", type: "file", mode: "4755", uid: 7, size: 4, sha256, link: "/a", origin: "package app" },
    { path: "/dev", type: "directory", mode: "0755", origin: "package app" },
    { path: "/dev/null", type: "character-device", mode: "4755", uid: 7, device: [1, 3], origin: "package app" },
    { path: "/link", type: "symlink", mode: "0777", target: "a", origin: "package app" },
    expect.objectContaining({ path: "/name-\udce9", size: 5 }),
    ...["/usr", "/usr/share", "/usr/share/cloudimg"].map((path) =>
      expect.objectContaining({ path, type: "directory" }),
    ),
  ]);
  expect(text.split("\n").filter((line) => line.startsWith('{"path"'))).toHaveLength(11);
});

test("a manifest does not list itself, and is the same when it is made again", () => {
  const made = tree();
  const first = manifestOf(made);
  expect(manifestOf(made)).toBe(first);
  expect(first).not.toContain(imageManifestPath);
});

test("a digest that is known is not computed", () => {
  const { content } = fileNode("a", "text");
  rememberDigest(content, "known");
  expect(contentDigest(content)).toBe("known");
});

test.each(["", "[]", "null", "{}", '{"formatVersion":1,"packages":[],"paths":[{"path":1}]}'])(
  "what is no manifest is refused: %s",
  (text) => {
    expect(() => parseImageManifest(text)).toThrow(CloudimgError);
  },
);

test("a manifest of a later version is not misread", () => {
  expect(() => parseImageManifest('{"formatVersion":2}')).toThrow("it has the format 2");
});
