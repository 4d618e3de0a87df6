import { CloudimgError, type Problem } from "../../core/errors.ts";
import { type Node, type SymlinkNode, splitPath, Tree } from "../../core/tree.ts";
import { lostOnFat } from "./fat-lost.ts";

/** More than any root file system has; links to directories that hold links to directories can ask for far more. */
const mostEntries = 1_000_000;

/**
 * Makes a root file system fit for FAT, which has only files and directories: a symbolic link becomes a copy of what it leads to, a directory with all that is in
 * it. Absolute targets start at the tree's root. `lost` says what else FAT will not keep, in words: `owner and group of 12 files (first: /var/www)`.
 *
 * Errors: `image/unsupported` for each link that leads nowhere, each that closes a circle, and each device, pipe and socket.
 */
export function flattenForFat(tree: Tree): { tree: Tree; lost: readonly string[] } {
  survey(tree);
  const flat = new Tree(tree.get("/"));
  const copyChildren = (directory: string, to: string): void => {
    for (const name of tree.list(directory)) {
      const path = join(directory, name);
      const from = tree.resolve(path) as string;
      const node = tree.get(from) as Node;
      // A copy is a file of its own, not one more name of the first.
      flat.set(join(to, name), from === path ? node : { ...node });
      if (node.type === "directory") copyChildren(from, join(to, name));
    }
  };
  copyChildren("/", "/");
  return { tree: flat, lost: lostOnFat(tree) };
}

/** Visits each directory of the tree once, through links too: what it leads to a second time is known by then, or still under way, which is a circle. */
function survey(tree: Tree): void {
  const problems: Problem[] = [];
  const complain = (path: string, reason: string) =>
    problems.push({
      code: "image/unsupported",
      message: `cannot put ${path} into a FAT file system: ${reason}`,
      hint: "leave it out with packages.prune, or with remove under changes",
    });
  /** How many copies a directory makes; undefined while it is being counted. */
  const counts = new Map<string, number | undefined>();
  const count = (directory: string): number => {
    counts.set(directory, undefined);
    let sum = 0;
    for (const name of tree.list(directory)) {
      const path = join(directory, name);
      const node = tree.get(path) as Node;
      const target = tree.resolve(path);
      sum++;
      if (node.type === "symlink" && target === undefined) complain(path, whyNowhere(tree, path, node));
      else if (node.type !== "symlink" && node.type !== "file" && node.type !== "directory")
        complain(path, `it is a ${node.type}, and FAT has only files and directories`);
      if (target === undefined || tree.get(target)?.type !== "directory") continue;
      if (!counts.has(target)) sum += count(target);
      else if (counts.get(target) === undefined)
        complain(path, "it leads to a directory that it lies in itself, so a copy would have no end");
      else sum += counts.get(target) as number;
    }
    counts.set(directory, sum);
    return sum;
  };
  if (count("/") > mostEntries && problems.length === 0)
    complain("/", `copies of what its symbolic links lead to would be more than ${mostEntries} files`);
  if (problems.length > 0) throw new CloudimgError(problems);
}

function whyNowhere(tree: Tree, path: string, link: SymlinkNode): string {
  return isDangling(tree, path, link)
    ? `its target ${link.target} is not there`
    : `its target ${link.target} leads round in circles`;
}

/** Whether following the link ends at something that is not there, rather than never. */
function isDangling(tree: Tree, path: string, link: SymlinkNode): boolean {
  const seen = new Set<string>();
  let at = path;
  for (let node: Node | undefined = link; node?.type === "symlink"; node = tree.get(at)) {
    if (seen.has(at)) return false;
    seen.add(at);
    const target = node.target.startsWith("/") ? node.target : `${splitPath(at).dir}/${node.target}`;
    const { dir, name } = splitPath(target.replace(/\/+$/, ""));
    const parent = tree.resolve(dir);
    if (parent === undefined) return true;
    at = join(parent, name);
  }
  return true;
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}
