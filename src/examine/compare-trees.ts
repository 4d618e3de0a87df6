import { setImmediate as yieldToEvents } from "node:timers/promises";
import { CloudimgError } from "../core/errors.ts";
import { compareNames } from "../core/names.ts";
import type { FileNode, Node, Tree } from "../core/tree.ts";
import { firstDifference } from "./compare-bytes.ts";
import { textDifference } from "./text-diff.ts";

/** One property in which two things differ; absent on the side that does not have it. */
export interface Change {
  readonly what: string;
  readonly a?: string | number | undefined;
  readonly b?: string | number | undefined;
}

/** What became of one path. */
export interface PathDifference {
  readonly path: string;
  readonly state: "added" | "removed" | "changed";
  /** Of what is there; of the second if both are. */
  readonly type: Node["type"];
  readonly changes: readonly Change[];
  /** Of contents that differ. */
  readonly firstDifferenceBytes?: number | undefined;
  /** Lines of a unified diff. */
  readonly text?: readonly string[] | undefined;
  /** Why the contents could not be compared. */
  readonly problem?: string | undefined;
}

export interface TreeOptions {
  readonly signal: AbortSignal;
  /** Show how texts differ. */
  readonly text?: boolean | undefined;
  readonly ignoreTimes?: boolean | undefined;
}

/** All in which two trees differ, in the order of the paths. Contents are compared as far as they are the same; of equal ones all is read, but for holes of both. */
export async function compareTrees(a: Tree, b: Tree, options: TreeOptions): Promise<PathDifference[]> {
  const [nodesA, nodesB] = [new Map(a.entries()), new Map(b.entries())];
  const [linksA, linksB] = [countNames(nodesA), countNames(nodesB)];
  const found: PathDifference[] = [];
  // Contents with several names are compared once.
  const compared = new Map<Node, Map<Node, Contents>>();
  let turn = 0;
  for (const [path, nodeB] of nodesB) {
    const nodeA = nodesA.get(path);
    if (++turn % 256 === 0) await yieldToEvents();
    options.signal.throwIfAborted();
    if (nodeA === undefined) found.push({ path, state: "added", type: nodeB.type, changes: [] });
    else {
      const links: Change[] = changed("links", linksA.get(nodeA), linksB.get(nodeB));
      const difference = await compareNodes(path, nodeA, nodeB, links, compared, options);
      if (difference !== undefined) found.push(difference);
    }
  }
  for (const [path, { type }] of nodesA)
    if (!nodesB.has(path)) found.push({ path, state: "removed", type, changes: [] });
  return found.sort((x, y) => comparePaths(x.path, y.path));
}

async function compareNodes(
  path: string,
  a: Node,
  b: Node,
  links: readonly Change[],
  compared: Map<Node, Map<Node, Contents>>,
  options: TreeOptions,
): Promise<PathDifference | undefined> {
  const changes: Change[] = [
    ...changed("type", a.type, b.type),
    ...changed("mode", modeOf(a), modeOf(b)),
    ...changed("owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`),
    ...(options.ignoreTimes === true ? [] : changed("mtime", a.mtime, b.mtime)),
    ...(a.type === b.type ? detailChanges(a, b) : []),
    ...links,
    ...xattrChanges(a, b),
  ];
  const contents = a.type === "file" && b.type === "file" ? await memoized(compared, a, b, options) : {};
  if (contents.firstDifferenceBytes !== undefined && changes.every(({ what }) => what !== "size"))
    changes.push({ what: "content" });
  const isSame = changes.length === 0 && contents.problem === undefined;
  return isSame ? undefined : { path, state: "changed", type: b.type, changes, ...contents };
}

type Contents = Pick<PathDifference, "firstDifferenceBytes" | "text" | "problem">;

async function memoized(
  compared: Map<Node, Map<Node, Contents>>,
  a: FileNode,
  b: FileNode,
  options: TreeOptions,
): Promise<Contents> {
  const ofA = compared.get(a) ?? new Map<Node, Contents>();
  const contents = ofA.get(b) ?? (await compareContents(a, b, options));
  compared.set(a, ofA.set(b, contents));
  return contents;
}

async function compareContents(a: FileNode, b: FileNode, options: TreeOptions): Promise<Contents> {
  try {
    const firstDifferenceBytes = await firstDifference(a.content, b.content, options.signal);
    if (firstDifferenceBytes === undefined) return {};
    const text = options.text === true ? textDifference(a.content, b.content) : undefined;
    return { firstDifferenceBytes, ...(text && { text }) };
  } catch (error) {
    if (error instanceof CloudimgError) return { problem: error.message };
    throw error;
  }
}

function detailChanges(a: Node, b: Node): Change[] {
  if (a.type === "file" && b.type === "file") return changed("size", a.content.sizeBytes, b.content.sizeBytes);
  if (a.type === "symlink" && b.type === "symlink") return changed("target", a.target, b.target);
  if ("major" in a && "major" in b) return changed("device", `${a.major}, ${a.minor}`, `${b.major}, ${b.minor}`);
  return [];
}

/** Values in hexadecimal: most are binary. */
function xattrChanges(a: Node, b: Node): Change[] {
  const names = new Set([...(a.xattrs?.keys() ?? []), ...(b.xattrs?.keys() ?? [])]);
  const hex = (node: Node, name: string) => {
    const value = node.xattrs?.get(name);
    return value && Buffer.from(value).toString("hex");
  };
  return [...names].sort(compareNames).flatMap((name) => changed(`xattr ${name}`, hex(a, name), hex(b, name)));
}

/** Nothing asks for a link's mode, and formats disagree on it. */
function modeOf({ type, mode }: Node): string {
  return type === "symlink" ? "" : mode.toString(8).padStart(4, "0");
}

/** One change, or none. */
export function changed(what: string, a: string | number | undefined, b: string | number | undefined): Change[] {
  return a === b ? [] : [{ what, ...(a !== undefined && { a }), ...(b !== undefined && { b }) }];
}

/** How many names files have; directories always have one. */
function countNames(nodes: ReadonlyMap<string, Node>): Map<Node, number> {
  const counts = new Map<Node, number>();
  for (const node of nodes.values()) counts.set(node, node.type === "directory" ? 1 : (counts.get(node) ?? 0) + 1);
  return counts;
}

/** The order of Tree.entries: a directory before what is in it. */
function comparePaths(a: string, b: string): number {
  return compareNames(a.replaceAll("/", "\0"), b.replaceAll("/", "\0"));
}
