import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type ByteSource, bytesSource } from "../../../src/core/byte-source.ts";
import { emitSource } from "../../../src/core/output.ts";
import { defaultAttributes, type FileNode, type SymlinkNode } from "../../../src/core/tree.ts";

/** A directory for the tests of one file; gone when they are done. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-filesystems-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a source to a sparse file. */
export async function writeImage(source: ByteSource, path: string): Promise<string> {
  const fd = openSync(path, "w");
  try {
    await emitSource(source, fd, { signal: new AbortController().signal });
  } finally {
    closeSync(fd);
  }
  return path;
}

export const attributes = { ...defaultAttributes, mtime: 1_700_000_000, origin: "test" };

export function file(content: string | Uint8Array | ByteSource, more: Partial<FileNode> = {}): FileNode {
  const source =
    typeof content === "string"
      ? bytesSource(Buffer.from(content))
      : content instanceof Uint8Array
        ? bytesSource(content)
        : content;
  return { ...attributes, mode: 0o644, ...more, type: "file", content: source };
}

export function symlink(target: string): SymlinkNode {
  return { ...attributes, type: "symlink", target };
}

/** Bytes that differ from block to block, so that no mix-up of blocks goes unseen. */
export function pattern(length: number, salt = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 8) * 17 + salt) & 0xff;
  return bytes;
}

/** A file with `patch` bytes of pattern at each of the offsets and holes between. */
export function sparseSource(sizeBytes: number, offsets: readonly number[], patchBytes = 100): ByteSource {
  const extents = offsets.map((offsetBytes) => ({ offsetBytes, lengthBytes: patchBytes }));
  return {
    sizeBytes,
    extents,
    read(target, offsetBytes) {
      target.fill(0);
      for (const extent of extents) {
        const from = Math.max(extent.offsetBytes, offsetBytes);
        const to = Math.min(extent.offsetBytes + extent.lengthBytes, offsetBytes + target.length);
        for (let at = from; at < to; at++) target[at - offsetBytes] = (at % 251) + 1;
      }
    },
  };
}
