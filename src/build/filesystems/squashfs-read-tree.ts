import { decodeName } from "../../core/names.ts";
import { type Node, Tree } from "../../core/tree.ts";
import { damaged, unsupported } from "./squashfs-damage.ts";
import { decodeDevice, type Place, reference, types } from "./squashfs-format.ts";
import type { ContentReader } from "./squashfs-read-contents.ts";
import { readDirectory } from "./squashfs-read-directory.ts";
import { type Inode, readInode } from "./squashfs-read-inode.ts";
import type { MetadataTable } from "./squashfs-read-metadata.ts";
import type { XattrReader } from "./squashfs-read-xattrs.ts";

export interface Tables {
  readonly inodes: MetadataTable;
  readonly directories: MetadataTable;
  /** By index. */
  readonly ids: (index: number) => number;
  readonly xattrs: XattrReader | undefined;
  readonly contents: ContentReader;
}

/** No path that Linux takes has more names. */
const maxDepth = 2048;

/** Everything from the root down. Errors: `image/damaged`, `image/unsupported`. */
export function readTree(tables: Tables, root: Place): { tree: Tree; inodes: number } {
  const { inodes, directories } = tables;
  const tree = new Tree();
  const known = new Map<number, Node>();
  let leftBytes = directories.capacityBytes;
  const pending = [{ path: "", depth: 0, place: root, type: types.directory as number }];
  for (;;) {
    const next = pending.pop();
    if (next === undefined) return { tree, inodes: known.size };
    const { path, depth, place, type } = next;
    const key = reference(place);
    let node = known.get(key);
    if (node !== undefined) {
      if (node.type === "directory") damaged(`the directory at ${path || "/"} is at another place too`);
      if (types[node.type] !== type) damaged(`${path} is of another type than its directory says`);
    } else {
      const inode = readInode(inodes.cursor(place));
      if (types[inode.type] !== type) damaged(`${path || "/"} is of another type than its directory says`);
      node = nodeOf(inode, tables);
      known.set(key, node);
      if (inode.type === "directory") {
        if (depth === maxDepth) unsupported(`it has directories ${maxDepth} deep`);
        // Listings lie side by side: together they are no longer than their table.
        leftBytes -= inode.listingBytes;
        if (leftBytes < 0) damaged("its directories have more entries than there are");
        for (const entry of readDirectory(inode, directories))
          pending.push({ path: `${path}/${entry.name}`, depth: depth + 1, place: entry.place, type: entry.type });
      }
    }
    if (path !== "" && tree.has(path)) damaged(`it has ${path} twice`);
    tree.set(path || "/", node);
  }
}

function nodeOf(inode: Inode, { inodes, ids, xattrs, contents }: Tables): Node {
  const { mode, user, group, time: mtime } = inode;
  if (inode.xattrs !== undefined && xattrs === undefined) damaged(`inode ${inode.number} has attributes in no table`);
  const common = {
    mode,
    uid: ids(user),
    gid: ids(group),
    mtime,
    xattrs: inode.xattrs === undefined ? undefined : xattrs?.get(inode.xattrs),
    origin: "squashfs",
  };
  switch (inode.type) {
    case "file":
      return { ...common, type: inode.type, content: contents.content(inode, inodes.capacityBytes / 4) };
    case "symlink":
      return { ...common, type: inode.type, target: decodeName(inode.target) };
    case "character-device":
    case "block-device":
      return { ...common, type: inode.type, ...decodeDevice(inode.device) };
    default:
      return { ...common, type: inode.type };
  }
}
