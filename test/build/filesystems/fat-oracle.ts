import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { attributes } from "./images.ts";
import { fileDetail, type TreeText } from "./tree-text.ts";

/** fsck.fat finds nothing to complain of: it says so with its status, and with less than three lines. */
export async function checkFat(image: string): Promise<void> {
  const { status, output } = await runOracle("fsck.fat", ["-n", image]);
  expect(status, output).toBe(0);
  expect(output.trim().split("\n").length, output).toBe(2);
}

/** What mtools copies out of an image: path → a line with type, time, size and digest. */
export async function textOfFat(image: string, scratch: string): Promise<TreeText> {
  const copy = join(scratch, "copied");
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  const { status, output } = await runOracle("mcopy", ["-s", "-n", "-m", "-Q", "-i", image, "::/*", copy]);
  const isEmpty = output.includes('File "::/*" not found');
  expect(isEmpty ? 0 : status, output).toBe(0);
  const text: TreeText = {};
  for (const path of readdirSync(copy, { recursive: true, encoding: "utf8" })) {
    const stat = statSync(join(copy, path));
    // mtools makes directories when it gets there and leaves them at that time.
    text[`/${path}`] = stat.isDirectory()
      ? "directory"
      : `file ${stat.mtimeMs / 1000} ${fileDetail(readFileSync(join(copy, path)))}`;
  }
  return text;
}

/** The same of a tree: what FAT keeps of it. */
export function fatTextOf(tree: Tree, options: { times?: boolean } = {}): TreeText {
  const text: TreeText = {};
  for (const [path, node] of tree.entries()) {
    if (path === "/") continue;
    if (node.type !== "file") text[path] = node.type;
    else {
      const content = new Uint8Array(node.content.sizeBytes);
      if (content.length > 0) node.content.read(content, 0);
      const time = options.times === false ? [] : [fatTime(node.mtime)];
      text[path] = ["file", ...time, fileDetail(content)].join(" ");
    }
  }
  return text;
}

/** Steps of two seconds from 1980 to 2107. */
export function fatTime(seconds: number): number {
  const clamped = Math.min(Date.UTC(2107, 11, 31, 23, 59, 59) / 1000, Math.max(Date.UTC(1980) / 1000, seconds));
  return Math.floor(clamped / 2) * 2;
}

/** The part of a random tree that FAT can hold. */
export function fatPartOf(tree: Tree): Tree {
  const part = new Tree(attributes);
  const folded = new Set<string>();
  const kept = new Set(["/"]);
  for (const [path, node] of tree.entries()) {
    if (node.type !== "file" && node.type !== "directory") continue;
    if (path === "/" || /["\\]|[ .]$|\/ |[\udc80-\udcff]/u.test(path) || folded.has(path.toLowerCase())) continue;
    if (!kept.has(path.slice(0, path.lastIndexOf("/")) || "/")) continue;
    folded.add(path.toLowerCase());
    kept.add(path);
    part.set(path, node);
  }
  return part;
}
