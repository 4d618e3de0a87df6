import { fail } from "../core/errors.ts";
import { encodeName } from "../core/names.ts";
import type { Node, Tree } from "../core/tree.ts";
import { expandPath, findPath, joinPath } from "./paths.ts";

/** One thing to make on the host. */
export interface CopyStep {
  /** In the image, for messages. */
  readonly path: string;
  readonly node: Node;
  /** Bytes, since a name on Linux need not be text. */
  readonly target: Buffer;
}

export interface CopyRequest {
  readonly tree: Tree;
  /** As they were written; globs among them. */
  readonly paths: readonly string[];
  /** Of the host. */
  readonly destination: string;
  /** Whether the destination is there, as a directory, or as something else. */
  readonly destinationIs: "absent" | "directory" | "other";
  readonly recursive: boolean;
  /** Of the host: which names it can have. */
  readonly platform: NodeJS.Platform;
}

/**
 * What a copy out of an image has to make, directories before what they hold. As cp(1): into a destination that is a directory, else under its name. Links that are
 * named are followed inside the image; links below them are copied as links.
 *
 * Errors: `image/no-path`, `image/damaged` for names that would lead out of the destination, `usage/arguments`.
 */
export function planCopy(request: CopyRequest): CopyStep[] {
  const { tree, destination, destinationIs, recursive, platform } = request;
  const paths = request.paths.flatMap((path) => expandPath(tree, path));
  if (destinationIs !== "directory" && (paths.length > 1 || (destination.endsWith("/") && !recursive)))
    fail("usage/arguments", `cannot copy to ${destination}: it is not a directory`, {
      hint: "make the directory first",
    });
  return paths.flatMap((asked) => {
    const { path, resolved, node } = findPath(tree, asked);
    if (node.type === "directory" && !recursive)
      fail("image/no-path", `cannot copy ${path}: it is a directory`, { hint: "give -r to copy all that is below it" });
    const name = path.slice(path.lastIndexOf("/") + 1);
    const base = Buffer.from(destination.replace(/(?<=.)\/+$/, ""));
    // The root has no name: what it holds goes into the directory itself.
    const target = destinationIs === "directory" && name !== "" ? childOf(base, name, path, platform) : base;
    return [...subtree(tree, { path, node, target }, resolved, platform)];
  });
}

function* subtree(tree: Tree, step: CopyStep, resolved: string, platform: NodeJS.Platform): Generator<CopyStep> {
  yield step;
  if (step.node.type !== "directory") return;
  for (const name of tree.list(resolved)) {
    const path = joinPath(step.path, name);
    const below = joinPath(resolved, name);
    const node = tree.get(below) as Node;
    yield* subtree(tree, { path, node, target: childOf(step.target, name, path, platform) }, below, platform);
  }
}

/** A damaged or hostile file system may have any bytes as names; only one that stays in its directory is used. */
function childOf(directory: Buffer, name: string, path: string, platform: NodeJS.Platform): Buffer {
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    fail("image/damaged", `cannot copy ${path}: ${JSON.stringify(name)} is no file name`);
  if (platform === "win32" && isImpossibleOnWindows(name))
    fail("host/unsupported", `cannot copy ${path}: Windows has no file with the name ${JSON.stringify(name)}`, {
      hint: "copy the other files by themselves",
    });
  return Buffer.concat([directory, Buffer.from("/"), encodeName(name)]);
}

/** Microsoft, "Naming Files, Paths, and Namespaces". */
function isImpossibleOnWindows(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const characters = /[<>:"|?*\\\u0001-\u001f\ud800-\udfff]|[. ]$/;
  return characters.test(name) || /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i.test(name);
}
