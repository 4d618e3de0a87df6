import { type ByteSource, emptySource, textSource } from "../core/byte-source.ts";
import { canonicalDigest } from "../core/canonical-json.ts";
import { contentDigest } from "../core/content-digest.ts";
import { formatImageManifest, imageManifestPath, type ManifestEntry } from "../core/image-manifest.ts";
import { defaultAttributes, type Node, type Tree } from "../core/tree.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { Lock } from "./packages/lock.ts";

export interface ManifestRequest {
  readonly loaded: Pick<LoadedProfile, "profile" | "digest">;
  readonly lock: Lock;
  readonly tree: Tree;
  /** Files whose content is not decided yet: they are told where they lie. Default: none. */
  readonly placedPaths?: readonly string[];
}

/** Puts the list of all that is in the tree by now into it: whatever comes later is not in the list. */
export function addImageManifest({ loaded, lock, tree, placedPaths = [] }: ManifestRequest): void {
  const { name, version, arch } = loaded.profile.image;
  const { epochSeconds } = lock;
  const attributes = { ...defaultAttributes, mode: 0o644, mtime: epochSeconds, origin: "cloudimg" };
  const put = (content: ByteSource) =>
    tree.set(imageManifestPath, { ...attributes, type: "file", content }, { replace: true });
  // Before it is made, so that it lists the directories that it lies in.
  put(emptySource);
  const text = formatImageManifest({
    formatVersion: 1,
    image: { name, version, arch },
    profileDigest: loaded.digest,
    lockDigest: canonicalDigest(lock),
    epochSeconds,
    packages: lock.packages.map((locked) => ({ name: locked.name, version: locked.version, sha256: locked.sha256 })),
    paths: entriesOf(tree, placedPaths),
  });
  put(textSource(text));
}

function entriesOf(tree: Tree, placedPaths: readonly string[]): ManifestEntry[] {
  const firstPaths = new Map<Node, string>();
  const listed = [...tree.entries()].filter(([path]) => path !== imageManifestPath);
  return listed.map(([path, node]) => {
    const link = node.type === "directory" ? undefined : firstPaths.get(node);
    if (link === undefined) firstPaths.set(node, path);
    const { uid, gid, xattrs, origin } = node;
    return {
      path,
      type: node.type,
      mode: node.mode.toString(8).padStart(4, "0"),
      ...(uid !== 0 && { uid }),
      ...(gid !== 0 && { gid }),
      ...detailsOf(node, placedPaths.includes(path)),
      ...(link !== undefined && { link }),
      ...(xattrs !== undefined && xattrs.size > 0 && { xattrs: xattrsOf(xattrs) }),
      origin,
    };
  });
}

function detailsOf(node: Node, isPlaced: boolean): Pick<ManifestEntry, "size" | "sha256" | "target" | "device"> {
  if (node.type === "file" && isPlaced) return { size: node.content.sizeBytes };
  if (node.type === "file") return { size: node.content.sizeBytes, sha256: contentDigest(node.content) };
  if (node.type === "symlink") return { target: node.target };
  return "major" in node ? { device: [node.major, node.minor] } : {};
}

function xattrsOf(xattrs: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  const pairs = [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")] as const);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
