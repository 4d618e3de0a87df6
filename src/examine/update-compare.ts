import { contentDigest } from "../core/content-digest.ts";
import type { ManifestEntry } from "../core/image-manifest.ts";
import type { Node } from "../core/tree.ts";

/** Whether a file is what it was when the image was made. Times do not count, and of links no permissions: they have none. */
export function isAsListed(node: Node, entry: ManifestEntry): boolean {
  if (node.type !== entry.type || !isOwnedAs(node, entry.uid ?? 0, entry.gid ?? 0)) return false;
  if (node.type !== "symlink" && node.mode !== Number.parseInt(entry.mode, 8)) return false;
  if (!areXattrsAs(node, new Map(Object.entries(entry.xattrs ?? {})))) return false;
  switch (node.type) {
    case "file":
      return node.content.sizeBytes === entry.size && contentDigest(node.content) === entry.sha256;
    case "symlink":
      return node.target === entry.target;
    case "character-device":
    case "block-device":
      return node.major === entry.device?.[0] && node.minor === entry.device[1];
    default:
      return true;
  }
}

/** Whether two files are the same but for their times. */
export function areAlike(a: Node, b: Node): boolean {
  if (a === b) return true;
  if (!isOwnedAs(a, b.uid, b.gid) || (a.type !== "symlink" && a.mode !== b.mode)) return false;
  if (!areXattrsAs(a, encodedXattrs(b))) return false;
  if (a.type === "file" && b.type === "file")
    return a.content.sizeBytes === b.content.sizeBytes && contentDigest(a.content) === contentDigest(b.content);
  if (a.type === "symlink" && b.type === "symlink") return a.target === b.target;
  if ("major" in a && "major" in b) return a.type === b.type && a.major === b.major && a.minor === b.minor;
  return a.type === b.type;
}

function isOwnedAs(node: Node, uid: number, gid: number): boolean {
  return node.uid === uid && node.gid === gid;
}

/** As a manifest has them: values in Base64. */
function encodedXattrs({ xattrs }: Node): Map<string, string> {
  return new Map([...(xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString("base64")]));
}

function areXattrsAs(node: Node, expected: ReadonlyMap<string, string>): boolean {
  const found = encodedXattrs(node);
  return found.size === expected.size && [...found].every(([name, value]) => expected.get(name) === value);
}
