import type { Node, Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import type { Owner } from "./tree-maker.ts";

export interface LayerOptions {
  /** The directory that the layer's root is laid over. */
  readonly target: string;
  /** Files take the place of others; without it that is a conflict. */
  readonly replace: boolean;
  readonly epochSeconds: number;
  /** Instead of the layer's own owners. */
  readonly owner?: Owner | undefined;
  /** Whether a directory that is there already gets the layer's owner and mode: by its path in the layer. Default: none does. */
  readonly ownsDirectory?: (path: string) => boolean;
}

/**
 * Joins a tree into another one. Directories that are there keep their owner and mode: an archive made in somebody's home must not give /etc to them. No time is later than
 * the epoch; one node at several paths stays one.
 *
 * @returns the files, links and devices it has put, by their paths
 *
 * Errors: `image/conflict`.
 */
export function addLayer(tree: Tree, layer: Tree, options: LayerOptions): Map<string, Node> {
  const { target, replace, epochSeconds, owner, ownsDirectory = () => false } = options;
  const copies = new Map<Node, Node>();
  const put = new Map<string, Node>();
  for (const [inLayer, node] of layer.entries()) {
    const joined = inLayer === "/" ? target : `${target === "/" ? "" : target}${inLayer}`;
    const path = node.type === "symlink" ? mergeUsr(joined, "keep top level") : mergeUsr(joined);
    const there = node.type === "directory" ? tree.get(path) : undefined;
    if (there?.type === "directory" && !ownsDirectory(inLayer)) continue;
    const copy = copies.get(node) ?? { ...node, ...owner, mtime: Math.min(node.mtime, epochSeconds) };
    copies.set(node, copy);
    tree.set(path, copy, { replace });
    if (copy.type !== "directory") put.set(path, copy);
  }
  return put;
}
