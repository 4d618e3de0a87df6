import { textSource } from "../../core/byte-source.ts";
import { Tree } from "../../core/tree.ts";

/** Text files by path, as a tree of files that everybody may read. */
export function treeOf(files: Readonly<Record<string, string>>, epochSeconds: number): Tree {
  const tree = new Tree({ mtime: epochSeconds });
  for (const [path, text] of Object.entries(files))
    tree.set(path, {
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: epochSeconds,
      origin: "instance configuration",
      content: textSource(text),
    });
  return tree;
}

export function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
