import { type ByteSource, bytesSource } from "../../core/byte-source.ts";
import { CloudimgError, type Problem } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { defaultAttributes, fileTypeBits, type Node, splitPath, type Tree } from "../../core/tree.ts";
import { type Body, bodyOf } from "./ext4-body.ts";
import { inodeSeed } from "./ext4-checksums.ts";
import { planDirectory } from "./ext4-directories.ts";
import type { DirectoryEntry } from "./ext4-directory-blocks.ts";
import type { DirectoryHash } from "./ext4-directory-hash.ts";
import { entryTypes, firstFreeInode, inlineBlockBytes, inodeFlags, inodeNumbers } from "./ext4-format.ts";
import { nodeProblems } from "./ext4-limits.ts";
import type { Traits } from "./ext4-traits.ts";
import { encodeXattrs, XattrBlocks } from "./ext4-xattrs.ts";

/** All of an inode but the places of its blocks. */
export interface Inode {
  readonly number: number;
  /** With the bits of the file's type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly links: number;
  readonly sizeBytes: number;
  readonly flags: number;
  /** What lies in blocks. */
  readonly body?: Body | undefined;
  /** `i_block` of an inode without body: a short link's target, a device's numbers. */
  readonly inlineBlock?: Uint8Array | undefined;
  readonly inlineXattrs?: Uint8Array | undefined;
  /** Index into `InodePlan.xattrBlocks`. */
  readonly xattrBlock?: number | undefined;
}

export interface InodePlan {
  readonly traits: Traits;
  /** By ascending number: the root, lost+found, then everything else in the order of the tree. */
  readonly inodes: readonly Inode[];
  /** The highest number that is used; lower numbers that are not in `inodes` are reserved by ext4. */
  readonly lastInode: number;
  readonly xattrBlocks: readonly Uint8Array[];
  /** The position in `inodes` of a node that is no directory. */
  readonly positionOf: (node: Node) => number | undefined;
}

/** An inode while the tree is walked. */
interface Draft {
  readonly number: number;
  readonly path: string;
  readonly node: Node;
  links: number;
  readonly entries: DirectoryEntry[];
  readonly parent: Draft | undefined;
}

const lostAndFoundPath = "/lost+found";
/** Room for e2fsck to put names without having to allocate; as mke2fs. */
const lostAndFoundBlocks = 4;

/** Numbers all inodes of a tree and plans their content. Throws every problem that ext4 has with it. */
export function planInodes(tree: Tree, epochSeconds: number, hash: DirectoryHash, traits: Traits): InodePlan {
  const problems: Problem[] = [];
  const complain = (path: string, reason: string): void => {
    problems.push({ code: "image/unsupported", message: `cannot put ${path} into an ext4 file system: ${reason}` });
  };
  const drafts = draftInodes(tree, epochSeconds, traits, complain);
  const xattrBlocks = new XattrBlocks();
  const inodes = drafts.map((draft): Inode => {
    const { number, path, node } = draft;
    const many = draft.links > traits.maxLinks;
    if (many && node.type !== "directory")
      complain(path, `it has ${draft.links} hard links, and ${traits.maxLinks} are the limit`);
    else if (many && !traits.manySubdirectories)
      complain(path, `it has ${draft.links - 2} subdirectories, and ${traits.maxLinks - 2} are the limit`);
    const xattrs = node.xattrs?.size ? encodeXattrs(node.xattrs, traits.extraIsize) : undefined;
    if (typeof xattrs === "string") complain(path, xattrs);
    const { inline, block } = typeof xattrs === "object" ? xattrs : {};
    return {
      number,
      // A link's own permissions mean nothing and read 0777 everywhere.
      mode: fileTypeBits[node.type] | (node.type === "symlink" ? 0o777 : node.mode),
      uid: node.uid,
      gid: node.gid,
      time: Math.floor(node.mtime),
      // More subdirectories than a link count may have: 1 stands for "many" (feature dir_nlink).
      links: many ? 1 : draft.links,
      inlineXattrs: inline,
      xattrBlock: block && xattrBlocks.share(block),
      ...(problems.length === 0 ? planContent(draft, hash, traits) : { sizeBytes: 0, flags: 0 }),
    };
  });
  if (problems.length > 0) throw new CloudimgError(problems);
  let positions: Map<Node, number> | undefined;
  const positionOf = (node: Node): number | undefined => {
    positions ??= new Map(drafts.map((draft, position) => [draft.node, position]));
    return node.type === "directory" ? undefined : positions.get(node);
  };
  const lastInode = drafts.at(-1)?.number ?? firstFreeInode;
  return { traits, inodes, lastInode, xattrBlocks: xattrBlocks.blocks, positionOf };
}

/** Gives numbers, counts links, collects directories' entries. Sorted by number. */
function draftInodes(
  tree: Tree,
  epochSeconds: number,
  traits: Traits,
  complain: (path: string, reason: string) => void,
): Draft[] {
  const lostAndFound = tree.get(lostAndFoundPath);
  if (lostAndFound !== undefined && lostAndFound.type !== "directory")
    complain(lostAndFoundPath, "this name belongs to a directory that e2fsck uses");

  const drafts: Draft[] = [];
  const directories = new Map<string, Draft>();
  const linked = new Map<Node, Draft>();
  let nextNumber = firstFreeInode + 1;

  const add = (path: string, node: Node): void => {
    const isRoot = path === "/";
    const { dir, name } = splitPath(path);
    const encodedName = encodeName(name);
    for (const reason of nodeProblems(encodedName, node, traits)) complain(path, reason);
    const parent = isRoot ? undefined : (directories.get(dir) as Draft);
    let draft = linked.get(node);
    if (draft === undefined) {
      const isDirectory = node.type === "directory";
      const number = isRoot ? inodeNumbers.root : path === lostAndFoundPath ? inodeNumbers.lostAndFound : nextNumber++;
      draft = { number, path, node, links: isDirectory ? 1 : 0, entries: [], parent };
      drafts.push(draft);
      if (isDirectory) {
        directories.set(path, draft);
        if (parent) parent.links++;
      } else linked.set(node, draft);
    }
    draft.links++;
    parent?.entries.push({ name: encodedName, inode: draft.number, type: entryTypes[node.type] });
  };

  for (const [path, node] of tree.entries()) {
    add(path, node);
    if (path === "/" && lostAndFound === undefined)
      add(lostAndFoundPath, {
        ...defaultAttributes,
        type: "directory",
        mode: 0o700,
        mtime: epochSeconds,
      });
  }
  return drafts.sort((a, b) => a.number - b.number);
}

type Content = Pick<Inode, "sizeBytes" | "flags" | "body" | "inlineBlock">;

function planContent({ number, path, node, entries, parent }: Draft, hash: DirectoryHash, traits: Traits): Content {
  const inBlocks = (content: ByteSource, flags = 0): Content => ({
    sizeBytes: content.sizeBytes,
    flags: flags | (traits.extents ? inodeFlags.extents : 0),
    body: bodyOf(content),
  });
  switch (node.type) {
    case "file":
      return inBlocks(node.content);
    case "directory": {
      const leastBlocks = path === lostAndFoundPath ? lostAndFoundBlocks : 1;
      const rules = {
        hash: traits.directoryIndex ? hash : undefined,
        seed: traits.checksumSeed === undefined ? undefined : inodeSeed(traits.checksumSeed, number),
      };
      const { content, indexed } = planDirectory(number, parent?.number ?? number, entries, rules, leastBlocks);
      return inBlocks(content, indexed ? inodeFlags.index : 0);
    }
    case "symlink": {
      const target = encodeName(node.target);
      // The kernel takes a target for inline if it is shorter than i_block: 59 bytes at most.
      if (target.length >= inlineBlockBytes) return inBlocks(bytesSource(target));
      return { sizeBytes: target.length, flags: 0, inlineBlock: target };
    }
    case "character-device":
    case "block-device":
      return { sizeBytes: 0, flags: 0, inlineBlock: encodeDevice(node.major, node.minor) };
    case "fifo":
    case "socket":
      return { sizeBytes: 0, flags: 0 };
  }
}

/** The old 16-bit form in the first word where it suffices, else the new one in the second (fs/ext4/inode.c, ext4_do_update_inode). */
function encodeDevice(major: number, minor: number): Uint8Array {
  const words = new DataView(new ArrayBuffer(8));
  if (major < 256 && minor < 256) words.setUint32(0, (major << 8) | minor, true);
  else words.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  return new Uint8Array(words.buffer);
}
