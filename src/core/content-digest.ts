import { createHash } from "node:crypto";
import type { ByteSource } from "./byte-source.ts";
import type { Node, Tree } from "./tree.ts";

const windowBytes = 1024 * 1024;
const known = new WeakMap<ByteSource, string>();

/** Says what the SHA-256 of some content is, so that nobody has to read it for that: from an index that was made with it. */
export function rememberDigest(content: ByteSource, sha256: string): void {
  known.set(content, sha256);
}

/** SHA-256 of content, if somebody knows it by now. */
export function knownDigest(content: ByteSource): string | undefined {
  return known.get(content);
}

/** SHA-256 of content in lower-case hexadecimal; read at most once. */
export function contentDigest(content: ByteSource): string {
  const remembered = known.get(content);
  if (remembered !== undefined) return remembered;
  const sha256 = digestOf(content);
  known.set(content, sha256);
  return sha256;
}

/** SHA-256 over all that a tree holds but who put it there: paths, attributes, contents, and which names are links to one file. */
export function treeDigest(tree: Tree): string {
  const hash = createHash("sha256");
  const places = new Map<Node, number>();
  for (const [path, node] of tree.entries()) {
    const place = places.get(node) ?? places.size;
    places.set(node, place);
    const { type, mode, uid, gid, mtime, xattrs } = node;
    const detail =
      node.type === "file"
        ? contentDigest(node.content)
        : node.type === "symlink"
          ? node.target
          : "major" in node
            ? [node.major, node.minor]
            : "";
    const attributes = [...(xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
    hash.update(JSON.stringify([path, place, type, mode, uid, gid, mtime, detail, attributes]));
  }
  return hash.digest("hex");
}

function digestOf(content: ByteSource): string {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(content.sizeBytes, windowBytes));
  for (let at = 0; at < content.sizeBytes; at += buffer.length) {
    const window = buffer.subarray(0, Math.min(buffer.length, content.sizeBytes - at));
    content.read(window, at);
    hash.update(window);
  }
  return hash.digest("hex");
}
