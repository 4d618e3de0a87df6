import type { Node, Tree } from "../core/tree.ts";
import { readOwnerNames } from "./owners.ts";
import { expandPath, findPath, joinPath, normalPath } from "./paths.ts";

/** One line of a listing. */
export interface ListedEntry {
  readonly path: string;
  readonly type: Node["type"];
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  /** By the image's own tables; absent where they know no name. */
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly target?: string | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Names only. */
  readonly xattrs: readonly string[];
}

/** What one directory holds, or one path that is none. */
export interface ListedDirectory {
  /** Undefined for paths that were named themselves. */
  readonly directory: string | undefined;
  readonly entries: readonly ListedEntry[];
}

export interface ListOptions {
  readonly recursive?: boolean | undefined;
  /** Tell of directories themselves, not of what they hold. */
  readonly directory?: boolean | undefined;
  /** A link that is named is told of as one, as with `ls -l`. */
  readonly keepLinks?: boolean | undefined;
}

/**
 * What `ls` would show of some paths, globs among them: files first, then the directories, each in the order in which they were named.
 *
 * Errors: `image/no-path`.
 */
export function listPaths(tree: Tree, paths: readonly string[], options: ListOptions = {}): ListedDirectory[] {
  const describe = describer(tree);
  const themselves: ListedEntry[] = [];
  const directories: ListedDirectory[] = [];
  for (const asked of paths.flatMap((path) => expandPath(tree, path))) {
    const path = normalPath(asked);
    const own = asked.endsWith("/") ? undefined : lookUp(tree, path);
    const isKept = own?.type === "symlink" && (options.keepLinks === true || tree.resolve(path) === undefined);
    const { node, resolved } = isKept ? { node: own, resolved: path } : findPath(tree, asked);
    if (node.type !== "directory" || options.directory === true) themselves.push(describe(path, node));
    else directories.push(...listDirectory(tree, path, resolved, options.recursive === true, describe));
  }
  return [...(themselves.length > 0 ? [{ directory: undefined, entries: themselves }] : []), ...directories];
}

/** The node at a path itself, whose parents may be links. */
function lookUp(tree: Tree, path: string): Node | undefined {
  const slash = path.lastIndexOf("/");
  const parent = tree.resolve(path.slice(0, slash) || "/");
  return parent === undefined || path === "/" ? tree.get(path) : tree.get(joinPath(parent, path.slice(slash + 1)));
}

function* listDirectory(
  tree: Tree,
  path: string,
  resolved: string,
  recursive: boolean,
  describe: (path: string, node: Node) => ListedEntry,
): Generator<ListedDirectory> {
  const names = tree.list(resolved);
  const nodeOf = (name: string) => tree.get(joinPath(resolved, name)) as Node;
  yield { directory: path, entries: names.map((name) => describe(joinPath(path, name), nodeOf(name))) };
  if (!recursive) return;
  for (const name of names)
    if (nodeOf(name).type === "directory")
      yield* listDirectory(tree, joinPath(path, name), joinPath(resolved, name), recursive, describe);
}

function describer(tree: Tree): (path: string, node: Node) => ListedEntry {
  const names = readOwnerNames(tree);
  const links = countLinks(tree);
  return (path, node) => {
    const { type, mode, uid, gid, mtime } = node;
    return {
      ...{ path, type, mode, uid, gid, mtime },
      user: names.user(uid),
      group: names.group(gid),
      links: links.get(node) ?? 1,
      sizeBytes: node.type === "file" ? node.content.sizeBytes : 0,
      ...(node.type === "symlink" ? { target: node.target } : {}),
      ...("major" in node ? { major: node.major, minor: node.minor } : {}),
      xattrs: [...(node.xattrs?.keys() ?? [])].sort(),
    };
  };
}

/** How many names each file has; a directory's are its own, its `.`, and its children's `..`. */
function countLinks(tree: Tree): Map<Node, number> {
  const counts = new Map<Node, number>();
  const parents: Node[] = [];
  for (const [path, node] of tree.entries()) {
    const depth = path === "/" ? 0 : path.split("/").length - 1;
    if (node.type === "directory") {
      const parent = depth === 0 ? undefined : parents[depth - 1];
      if (parent !== undefined) counts.set(parent, (counts.get(parent) ?? 2) + 1);
      parents[depth] = node;
      counts.set(node, 2);
    } else counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}
