import { bytesSource, textSource } from "../../../src/core/byte-source.ts";
import { CloudimgError, type Problem } from "../../../src/core/errors.ts";
import { defaultAttributes, type FileNode, type Node, Tree } from "../../../src/core/tree.ts";

/** A tree of files (text or bytes) and links (`-> target`). */
export function treeOf(origin: string, entries: Record<string, string | Uint8Array | Node>): Tree {
  const tree = new Tree({ origin });
  for (const [path, entry] of Object.entries(entries)) tree.set(path, nodeOf(origin, entry));
  return tree;
}

export function fileNode(origin: string, content: string | Uint8Array, more: Partial<FileNode> = {}): FileNode {
  const source = typeof content === "string" ? textSource(content) : bytesSource(content);
  return { ...defaultAttributes, mode: 0o644, origin, ...more, type: "file", content: source };
}

function nodeOf(origin: string, entry: string | Uint8Array | Node): Node {
  if (typeof entry === "object" && "type" in entry) return entry;
  if (typeof entry === "string" && entry.startsWith("-> "))
    return { ...defaultAttributes, mode: 0o777, origin, type: "symlink", target: entry.slice(3) };
  return fileNode(origin, entry);
}

/** What is wrong with some work, as its user reads it. */
export function problemsOf(work: () => unknown): readonly Problem[] {
  try {
    work();
  } catch (error) {
    if (error instanceof CloudimgError) return error.problems;
    throw error;
  }
  return [];
}

/** What all problems say, as `code: message`. */
export function saidOf(work: () => unknown): string[] {
  return problemsOf(work).map(({ code, message }) => `${code}: ${message}`);
}
