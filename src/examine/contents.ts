import type { ByteSource } from "../core/byte-source.ts";
import { fail } from "../core/errors.ts";
import type { Node, Tree } from "../core/tree.ts";
import { expandPath, findPath } from "./paths.ts";

/** A file's content, with the path that named it. */
export interface FoundFile {
  readonly path: string;
  readonly content: ByteSource;
}

/**
 * The files that some paths name, globs among them. What else a glob matches is left out.
 *
 * Errors: `image/no-path`, also for what is no file.
 */
export function findFiles(tree: Tree, paths: readonly string[]): FoundFile[] {
  return paths.flatMap((asked) => {
    const expanded = expandPath(tree, asked);
    const isGlobbed = expanded.length !== 1 || expanded[0] !== asked;
    const files = expanded.flatMap((path): FoundFile[] => {
      if (isGlobbed && tree.resolve(path) === undefined) return [];
      const { node } = findPath(tree, path);
      if (node.type === "file") return [{ path, content: node.content }];
      return isGlobbed ? [] : noFile(path, node);
    });
    if (files.length === 0) fail("image/no-path", `cannot read ${asked}: the glob matches no file`);
    return files;
  });
}

function noFile(path: string, { type }: Node): never {
  const hint = type === "directory" ? { hint: "cloudimg ls lists it, cloudimg cp -r copies it" } : {};
  fail("image/no-path", `cannot read ${path}: it is a ${type}`, hint);
}

const pieceBytes = 256 * 1024;

/** Hands over all bytes of a source, holes as zeros, piece by piece; a piece is valid until what `use` returned settles. */
export async function readInOrder(
  source: ByteSource,
  signal: AbortSignal,
  use: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(pieceBytes, source.sizeBytes));
  for (let at = 0; at < source.sizeBytes; at += buffer.length) {
    signal.throwIfAborted();
    const piece = buffer.subarray(0, Math.min(buffer.length, source.sizeBytes - at));
    source.read(piece, at);
    await use(piece);
  }
}
