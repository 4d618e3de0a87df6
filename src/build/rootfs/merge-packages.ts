import { CloudimgError, type Problem } from "../../core/errors.ts";
import { globMatcher } from "../../core/glob.ts";
import { type Node, splitPath, Tree } from "../../core/tree.ts";

/** Of no use in an image that dpkg and systemd never manage, whatever the profile says. */
const alwaysPruned = ["/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/etc/apt", "/etc/dpkg"];
/** The kernel is installed by kernel.ts, with the modules that were asked for. */
const kernelParts = ["/boot", "/usr/lib/modules"];

/**
 * All packages in one tree, less what is pruned. Copyright files stay unless a glob names them: the licences of what is in the image ask to be handed on with it (0.25 MB
 * in the default image, which compresses well).
 *
 * Errors: `image/conflict` with every path that two packages put different things at.
 */
export function mergePackages(
  packages: ReadonlyMap<string, Tree>,
  prune: readonly string[],
  epochSeconds: number,
): Tree {
  const merged = new Tree({ mtime: epochSeconds });
  const prunes = pruner([...alwaysPruned, ...kernelParts], prune);
  const problems: Problem[] = [];
  const emptied = new Set<string>();
  const clamped = new Map<Node, Node>();
  for (const name of [...packages.keys()].sort()) {
    const tree = packages.get(name) as Tree;
    for (const [path, node] of tree.entries()) {
      if (path === "/") continue;
      if (prunes(path)) {
        emptied.add(splitPath(path).dir);
        continue;
      }
      try {
        merged.set(path, clampTime(node, epochSeconds, clamped));
      } catch (error) {
        if (!(error instanceof CloudimgError)) throw error;
        problems.push(...error.problems);
      }
    }
  }
  if (problems.length > 0) throw new CloudimgError(problems);
  for (const path of emptied) removeEmpty(merged, path);
  return merged;
}

function pruner(fixed: readonly string[], globs: readonly string[]): (path: string) => boolean {
  const all = [...fixed, ...globs].map((glob) => globMatcher(glob));
  const namingCopyright = [...fixed, ...globs.filter((glob) => glob.includes("copyright"))].map((glob) =>
    globMatcher(glob),
  );
  return (path) => {
    const matchers = isCopyright(path) ? namingCopyright : all;
    return matchers.some((matches) => matches(path));
  };
}

/** `/usr/share/doc/NAME/copyright`, or the link from a package's directory to that of its source package. */
function isCopyright(path: string): boolean {
  return /^\/usr\/share\/doc\/[^/]+\/copyright$/.test(path);
}

/** A directory in which pruning has left nothing, and those above it that were there for its sake. */
function removeEmpty(tree: Tree, path: string): void {
  if (path === "/" || tree.get(path)?.type !== "directory" || tree.list(path).length > 0) return;
  tree.remove(path);
  removeEmpty(tree, splitPath(path).dir);
}

/** No time in the image is later than its epoch; directories belong to several packages and have that. One node at several paths, a hard link, stays one node. */
function clampTime(node: Node, epochSeconds: number, clamped: Map<Node, Node>): Node {
  if (node.type === "directory") return { ...node, mtime: epochSeconds };
  if (node.mtime <= epochSeconds) return node;
  const known = clamped.get(node);
  if (known !== undefined) return known;
  const copy = { ...node, mtime: epochSeconds };
  clamped.set(node, copy);
  return copy;
}
