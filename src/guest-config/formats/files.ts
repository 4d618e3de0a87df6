import { bytesSource, textSource } from "../../core/byte-source.ts";
import { Tree } from "../../core/tree.ts";

/** Text, or bytes that are none. */
export type FileContent = string | Uint8Array;

/** Files by path, as a tree of files that everybody may read. */
export function treeOf(files: Readonly<Record<string, FileContent>>, epochSeconds: number): Tree {
  const tree = new Tree({ mtime: epochSeconds });
  for (const [path, content] of Object.entries(files))
    tree.set(path, {
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: epochSeconds,
      origin: "instance configuration",
      content: typeof content === "string" ? textSource(content) : bytesSource(content),
    });
  return tree;
}

export function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
