import { fail } from "../core/errors.ts";
import { globMatcher, isGlob } from "../core/glob.ts";
import { didYouMean } from "../core/near-names.ts";
import { type Node, splitPath, type Tree } from "../core/tree.ts";

/** A path as it was asked for, and where its symbolic links lead. */
export interface FoundPath {
  /** What was asked for, normal: `/bin/sh`. */
  readonly path: string;
  /** Without links: `/usr/bin/busybox`. */
  readonly resolved: string;
  readonly node: Node;
}

/**
 * Follows a path inside the image as its system would: no link leads out of it.
 *
 * Errors: `image/no-path`.
 */
export function findPath(tree: Tree, path: string): FoundPath {
  const resolved = tree.resolve(path);
  const node = resolved === undefined ? undefined : tree.get(resolved);
  if (resolved === undefined || node === undefined) return explainMissing(tree, path);
  if (path.endsWith("/") && node.type !== "directory")
    fail("image/no-path", `cannot use ${path}: it is a ${node.type}`);
  return { path: normalPath(path), resolved, node };
}

/**
 * The paths that an argument stands for: itself, or what its glob matches, sorted by bytes. `**` goes through directories but not through links.
 *
 * Errors: `image/no-path`.
 */
export function expandPath(tree: Tree, path: string): readonly string[] {
  if (!isGlob(path) || tree.resolve(path) !== undefined) return [path];
  const { base, rest } = splitGlob(path);
  const { resolved } = findPath(tree, base);
  const matches = globMatcher(`/${rest.join("/")}`, { exact: true });
  const depth = rest.includes("**") ? Number.POSITIVE_INFINITY : rest.length;
  const found = [...below(tree, resolved, depth)].filter(matches);
  if (found.length === 0) fail("image/no-path", `cannot find ${path} in the image: the glob matches nothing`);
  return found.map((each) => (base === "/" ? each : `${base}${each}`));
}

/** A path with its names as they are in the tree, of a file system that does not tell upper from lower case. What is not there, and globs, stay as they are. */
export function withCaseOf(tree: Tree, path: string): string {
  let at = "/";
  const parts = path.split("/").map((part) => {
    if (part === "" || part === ".") return part;
    const names = tree.list(at);
    const found = names.includes(part) ? part : (names.find((name) => sameLetters(name, part)) ?? part);
    at = part === ".." ? splitPath(at).dir : joinPath(at, found);
    return found;
  });
  return parts.join("/");
}

function sameLetters(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** `/a/./b/../c/` → `/a/c`. */
export function normalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Joins a directory and a name. */
export function joinPath(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

function splitGlob(path: string): { base: string; rest: string[] } {
  const parts = normalPath(path).split("/").slice(1);
  const first = parts.findIndex(isGlob);
  return { base: `/${parts.slice(0, first).join("/")}`, rest: parts.slice(first) };
}

/** Every path below a directory, relative to it with a slash before it, at most `depth` names deep. */
function* below(tree: Tree, directory: string, depth: number, prefix = ""): Generator<string> {
  for (const name of tree.list(directory)) {
    const path = `${prefix}/${name}`;
    yield path;
    if (depth > 1) yield* below(tree, joinPath(directory, name), depth - 1, path);
  }
}

/** Says which part of a path is not there, and what is near it. */
function explainMissing(tree: Tree, path: string): never {
  let at = "/";
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const next = name === ".." ? splitPath(at).dir : joinPath(at, name);
    const resolved = tree.resolve(next);
    if (resolved !== undefined) {
      at = resolved;
      continue;
    }
    const node = tree.get(next);
    if (node?.type === "symlink")
      fail(
        "image/no-path",
        `cannot find ${path} in the image: ${next} is a link to ${node.target}, which is not there`,
      );
    const parent = tree.get(at);
    if (parent?.type !== "directory")
      fail("image/no-path", `cannot find ${path} in the image: ${at} is a ${parent?.type}, not a directory`);
    const hint = nearHint(name, tree.list(at));
    fail("image/no-path", `cannot find ${path} in the image: there is no ${name} in ${at}`, hint ? { hint } : {});
  }
  return fail("image/no-path", `cannot find ${path} in the image: its links go round in circles`);
}

/** A mistyped name, or the beginning of one. */
function nearHint(name: string, names: readonly string[]): string | undefined {
  const near = didYouMean(name, names);
  if (near !== undefined) return near;
  const longer = names.filter((each) => each.startsWith(name)).slice(0, 3);
  return longer.length === 0 ? undefined : `did you mean ${longer.map((each) => `"${each}"`).join(" or ")}?`;
}
