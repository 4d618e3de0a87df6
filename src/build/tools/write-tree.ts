import { closeSync, linkSync, mkdirSync, openSync, symlinkSync, writeSync } from "node:fs";
import { posix } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { readAll } from "../../core/byte-source.ts";
import type { Node, Tree } from "../../core/tree.ts";

/**
 * Writes a tree of programs to an empty directory of this host: modes are kept, owners, set-id bits and devices are not. Absolute links are made to lead
 * into the directory.
 */
export async function writeTree(tree: Tree, directory: string, signal: AbortSignal): Promise<void> {
  const written = new Map<Node, string>();
  let count = 0;
  for (const [path, node] of tree.entries()) {
    if (++count % 200 === 0) {
      signal.throwIfAborted();
      await yieldToOthers();
    }
    if (path === "/") continue;
    const target = directory + path;
    if (node.type === "directory") mkdirSync(target, 0o755);
    else if (node.type === "symlink") symlinkSync(insideTarget(path, node.target), target);
    else if (node.type === "file") {
      const first = written.get(node);
      if (first === undefined) writeFile(target, readAll(node.content), node.mode & 0o777);
      else linkSync(first, target);
      written.set(node, target);
    }
  }
}

function insideTarget(path: string, target: string): string {
  return target.startsWith("/") ? posix.relative(posix.dirname(path), target) : target;
}

function writeFile(path: string, bytes: Uint8Array, mode: number): void {
  const fd = openSync(path, "wx", mode | 0o400);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } finally {
    closeSync(fd);
  }
}
