import { CloudimgError, type Problem } from "../core/errors.ts";
import { imageManifestPath, type ManifestEntry } from "../core/image-manifest.ts";
import { type Node, splitPath, Tree } from "../core/tree.ts";
import { decide, type Outcome } from "./update-decide.ts";

/** Paths by what became of them, each list in the order of the paths; of those that stay as they are, only how many. */
export type Changes = Readonly<Record<Exclude<Outcome, "unchanged">, readonly string[]>> & {
  readonly unchanged: number;
};

export interface MergedTree {
  readonly tree: Tree;
  readonly changes: Changes;
}

/**
 * Brings a profile's new files into an image's: what the system has made, changed or removed stays so, unless the profile has changed the same.
 *
 * @param before what the profile had put into the image
 *
 * Errors: `image/conflict`, of all paths for which there is no place any more.
 */
export function mergeTrees(before: readonly ManifestEntry[], now: Tree, next: Tree): MergedTree {
  const listed = new Map(before.map((entry) => [entry.path, entry]));
  const outcomes: Record<Outcome, string[]> = {
    ...{ added: [], replaced: [], removed: [], unchanged: [] },
    ...{ kept: [], "kept-changed": [], overruled: [] },
  };
  const chosen = new Map<string, Node>();
  // A path sorts after those that it begins with: directories come first.
  const paths = [...new Set([...pathsOf(now), ...pathsOf(next)])].sort();
  for (const path of paths) {
    const isManifest = path === imageManifestPath;
    const [nodeNow, nodeNext] = [now.get(path), next.get(path)];
    // The list does not list itself; nobody but us writes it.
    const decision = isManifest
      ? { outcome: "replaced" as const, node: nodeNext }
      : decide(listed.get(path), nodeNow, nodeNext);
    if (decision === undefined) continue;
    if (decision.node !== undefined) chosen.set(path, decision.node);
    // e2fsck's directory is nobody's.
    if (!isManifest && path !== "/lost+found") outcomes[decision.outcome].push(path);
  }
  const tree = treeOf(chosen, now, next);
  const removed = outcomes.removed.filter((path) => !tree.has(path));
  return { tree, changes: { ...outcomes, removed, unchanged: outcomes.unchanged.length } };
}

function pathsOf(tree: Tree): string[] {
  return Array.from(tree.entries(), ([path]) => path);
}

/** Puts together what was chosen; a directory comes back if something is still in it. */
function treeOf(chosen: ReadonlyMap<string, Node>, now: Tree, next: Tree): Tree {
  const tree = new Tree();
  const problems: Problem[] = [];
  const hasPlace = (path: string): boolean => {
    const { dir } = splitPath(path);
    const parent = tree.get(dir);
    if (parent?.type === "directory") return true;
    if (parent !== undefined) {
      problems.push(noPlace(path, dir, parent, now.has(path)));
      return false;
    }
    if (!hasPlace(dir)) return false;
    const directory = [next.get(dir), now.get(dir)].find((node) => node?.type === "directory");
    if (directory === undefined) throw new Error(`no directory for ${path}`);
    tree.set(dir, directory);
    return true;
  };
  for (const [path, node] of chosen) {
    if (path === "/") tree.set(path, node);
    else if (hasPlace(path)) tree.set(path, node);
  }
  if (problems.length > 0) throw new CloudimgError(problems);
  return tree;
}

function noPlace(path: string, dir: string, parent: Node, isNow: boolean): Problem {
  const [theirs, ours] = isNow ? ["the system", "the profile"] : ["the profile", "the system"];
  return {
    code: "image/conflict",
    message: `cannot keep ${path}, which ${theirs} has: ${ours} has a ${parent.type} at ${dir}`,
    hint: "move it away in the guest, or change the profile",
  };
}
