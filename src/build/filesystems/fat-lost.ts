import { formatBytes } from "../../core/format.ts";
import type { Node, Tree } from "../../core/tree.ts";

/** What to look for, and how it is told. */
const losses: readonly (readonly [what: string, isLost: (node: Node) => boolean])[] = [
  ["owner and group", ({ uid, gid }) => uid !== 0 || gid !== 0],
  ["permissions", (node) => node.type !== "symlink" && !isUsual(node)],
  ["set-user-id, set-group-id or sticky bit", ({ mode }) => (mode & 0o7000) !== 0],
  ["extended attributes", ({ xattrs }) => xattrs !== undefined && xattrs.size > 0],
];

/** What a root file system loses when it is flattened for FAT; empty if nothing. */
export function lostOnFat(tree: Tree): string[] {
  const found = losses.map(([what, isLost]) => ({ what, isLost, paths: [] as string[] }));
  const linked: string[] = [];
  const symlinks: string[] = [];
  const seen = new Set<Node>();
  let copiedBytes = 0;
  for (const [path, node] of tree.entries()) {
    for (const { isLost, paths } of found) if (isLost(node)) paths.push(path);
    if (node.type === "symlink") {
      symlinks.push(path);
      const target = tree.get(tree.resolve(path) ?? path);
      if (target?.type === "file") copiedBytes += target.content.sizeBytes;
    } else if (node.type === "file") {
      if (seen.has(node)) {
        linked.push(path);
        copiedBytes += node.content.sizeBytes;
      }
      seen.add(node);
    }
  }
  const copies = copiedBytes === 0 ? "" : `; copies of files take ${formatBytes(copiedBytes)}`;
  return [
    ...found.flatMap(({ what, paths }) => summary(`${what} of`, "file", paths)),
    ...summary("hard links:", "name", linked, " became a copy", " became copies"),
    ...summary("symbolic links:", "link", symlinks, ` became a copy${copies}`, ` became copies${copies}`),
  ];
}

/** A FAT file system is mounted with one mode for all; these are what most files have anyway. */
function isUsual({ type, mode }: Node): boolean {
  const permissions = mode & 0o777;
  return permissions === 0o755 || (type === "file" && permissions === 0o644);
}

function summary(what: string, unit: string, paths: readonly string[], one = "", many = ""): string[] {
  const [first] = paths;
  if (first === undefined) return [];
  const count = paths.length;
  return [`${what} ${count} ${unit}${count === 1 ? "" : "s"} (first: ${first})${count === 1 ? one : many}`];
}
