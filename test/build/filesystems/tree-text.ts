import { createHash } from "node:crypto";
import type { ByteSource } from "../../../src/core/byte-source.ts";
import type { Node, Tree } from "../../../src/core/tree.ts";

/** One line about each path: what both the planned tree and a reader of an image can say. */
export type TreeText = Record<string, string>;

export interface Facts {
  readonly type: Node["type"];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970; undefined where it is not compared. */
  readonly mtime: number | undefined;
  /** Device numbers, target, or size and digest. */
  readonly detail: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

export function lineOf({ type, mode, uid, gid, mtime, detail, xattrs }: Facts): string {
  const attributes = [...xattrs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`);
  return [type, mode.toString(8).padStart(4, "0"), `${uid}:${gid}`, mtime, detail, ...attributes]
    .filter((part) => part !== undefined && part !== "")
    .join(" ");
}

/** Later names of a file are told as links to its first one. */
export function textOfTree(tree: Tree, options: { times?: boolean } = {}): TreeText {
  const text: TreeText = {};
  const first = new Map<Node, string>();
  for (const [path, node] of tree.entries()) {
    const known = node.type === "directory" ? undefined : first.get(node);
    first.set(node, path);
    text[path] =
      known !== undefined
        ? `link ${known}`
        : lineOf({
            ...node,
            mode: node.type === "symlink" ? 0o777 : node.mode,
            mtime: options.times === false ? undefined : node.mtime,
            detail: detailOf(node),
            xattrs: node.xattrs ?? new Map(),
          });
    if (known !== undefined) first.set(node, known);
  }
  return text;
}

export function fileDetail(content: Uint8Array): string {
  return `${content.length} ${createHash("sha256").update(content).digest("hex").slice(0, 12)}`;
}

function detailOf(node: Node): string {
  switch (node.type) {
    case "file":
      return fileDetail(readWhole(node.content));
    case "symlink":
      return `-> ${node.target}`;
    case "character-device":
    case "block-device":
      return `${node.major}:${node.minor}`;
    default:
      return "";
  }
}

function readWhole(source: ByteSource): Uint8Array {
  const bytes = new Uint8Array(source.sizeBytes);
  if (bytes.length > 0) source.read(bytes, 0);
  return bytes;
}
