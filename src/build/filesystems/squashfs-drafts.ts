import { CloudimgError, type Problem } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { type Node, splitPath, type Tree } from "../../core/tree.ts";
import { maxIds, type Place } from "./squashfs-format.ts";
import { nodeProblems } from "./squashfs-limits.ts";
import type { Listing } from "./squashfs-listing.ts";

/** An inode before it is written. */
export interface Draft {
  readonly node: Node;
  readonly parent: Draft | undefined;
  /** Of a directory, sorted by name. */
  readonly children: { readonly name: Uint8Array; readonly draft: Draft }[];
  number: number;
  links: number;
  /** Once it is written. */
  place: Place | undefined;
  /** Of a directory whose entries are written. */
  listing: Listing | undefined;
}

export interface Drafts {
  readonly root: Draft;
  /** Each before those in it. */
  readonly directories: readonly Draft[];
  readonly inodes: number;
  /** Users and groups, in the order in which they are first used. */
  readonly ids: readonly number[];
}

/**
 * Numbers the inodes of a tree in the order in which they will be written: the entries of one directory after those of all below it, so that a listing finds all its inodes
 * behind one another and needs few headers. Throws every problem that squashfs has with the tree.
 */
export function draftInodes(tree: Tree, blockBytes: number): Drafts {
  const problems: Problem[] = [];
  const directories = new Map<string, Draft>();
  const linked = new Map<Node, Draft>();
  const ids = new Set<number>();

  for (const [path, node] of tree.entries()) {
    const isRoot = path === "/";
    const { dir, name } = splitPath(path);
    const encodedName = encodeName(name);
    const complain = (reason: string) =>
      problems.push({ code: "image/unsupported", message: `cannot put ${path} into a squashfs: ${reason}` });
    for (const reason of nodeProblems(encodedName, node, blockBytes)) complain(reason);
    for (const id of [node.uid, node.gid]) {
      if (ids.size === maxIds && !ids.has(id))
        complain(`its owner ${id} would be the ${maxIds + 1}th, and ${maxIds} are the limit`);
      else ids.add(id);
    }
    const parent = isRoot ? undefined : directories.get(dir);
    let draft = linked.get(node);
    if (draft === undefined) {
      draft = { node, parent, children: [], number: 0, links: 0, place: undefined, listing: undefined };
      if (node.type === "directory") {
        directories.set(path, draft);
        draft.links = 2;
        if (parent !== undefined) parent.links++;
      } else linked.set(node, draft);
    }
    if (node.type !== "directory") draft.links++;
    parent?.children.push({ name: encodedName, draft });
  }
  if (problems.length > 0) throw new CloudimgError(problems);

  const inOrder = [...directories.values()];
  let inodes = 0;
  for (const directory of inOrder.toReversed())
    for (const { draft } of directory.children) if (draft.number === 0) draft.number = ++inodes;
  const root = inOrder[0] as Draft;
  root.number = ++inodes;
  return { root, directories: inOrder, inodes, ids: [...ids] };
}
