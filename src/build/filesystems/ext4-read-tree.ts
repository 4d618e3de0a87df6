import { decodeName } from "../../core/names.ts";
import { fileTypeBits, type Node, Tree } from "../../core/tree.ts";
import { inlineBlockBytes, inodeFlags, inodeNumbers } from "./ext4-format.ts";
import { contentOf, readSmall } from "./ext4-read-content.ts";
import { readDirectory } from "./ext4-read-directory.ts";
import { type ReadInode, readInode } from "./ext4-read-inode.ts";
import { type ReadXattrs, xattrReader } from "./ext4-read-xattrs.ts";
import { damaged, unsupported, type Volume } from "./ext4-volume.ts";

const typeMask = 0o170000;
/** Four times what a program may name in one go (PATH_MAX); without a bound, a chain of directories would take quadratic time. */
const maxPathLength = 16_384;
/** Longer than the longest that Linux writes: a block. */
const maxTargetBytes = 65_536;

interface Pending {
  readonly path: string;
  readonly inode: ReadInode;
  readonly inlineRest: Uint8Array;
}

/** Everything in the file system. Each directory is entered once, whatever the entries say. */
export function readTree(volume: Volume): Tree {
  const xattrsOf = xattrReader(volume);
  const linked = new Map<number, Node>();
  const entered = new Set<number>([inodeNumbers.root]);
  const claimed = new Set<number>();

  const rootInode = readInode(volume, inodeNumbers.root);
  if ((rootInode.mode & typeMask) !== fileTypeBits.directory) damaged("its root is not a directory");
  refuseEncrypted("/", rootInode);
  const rootXattrs = xattrsOf(rootInode);
  const tree = new Tree();
  tree.set("/", { ...attributesOf(volume, rootInode, rootXattrs), type: "directory" });

  const pending: Pending[] = [{ path: "", inode: rootInode, inlineRest: rootXattrs.inlineRest }];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of readDirectory(volume, directory.inode, directory.inlineRest, claimed)) {
      const path = `${directory.path}/${checkedName(entry.name, directory.inode)}`;
      if (path.length > maxPathLength) unsupported(`its directories are nested too deeply at inode ${entry.inode}`);
      if (tree.has(path)) damaged(`there are two entries ${path}`);
      const known = linked.get(entry.inode);
      if (known !== undefined) {
        tree.set(path, known);
        continue;
      }
      const inode = readInode(volume, entry.inode);
      refuseEncrypted(path, inode);
      const xattrs = xattrsOf(inode);
      const node = nodeOf(volume, path, inode, xattrs);
      tree.set(path, node);
      if (node.type !== "directory") linked.set(entry.inode, node);
      else {
        if (entered.has(entry.inode)) damaged(`the directory ${path} is in more than one place`);
        entered.add(entry.inode);
        pending.push({ path, inode, inlineRest: xattrs.inlineRest });
      }
    }
  }
  return tree;
}

function checkedName(name: Uint8Array, { number }: ReadInode): string {
  if (name.length === 0 || name.length > 255 || name.includes(0) || name.includes(0x2f))
    damaged(`directory inode ${number} has an entry whose name is none`);
  return decodeName(name);
}

function refuseEncrypted(path: string, { flags }: ReadInode): void {
  if ((flags & inodeFlags.encrypted) !== 0) unsupported(`${path} is encrypted`);
}

function attributesOf({ type }: Volume, { mode, uid, gid, mtime }: ReadInode, { xattrs }: ReadXattrs) {
  return { mode: mode & 0o7777, uid, gid, mtime, xattrs, origin: type };
}

function nodeOf(volume: Volume, path: string, inode: ReadInode, xattrs: ReadXattrs): Node {
  const attributes = attributesOf(volume, inode, xattrs);
  switch (inode.mode & typeMask) {
    case fileTypeBits.file:
      return { ...attributes, type: "file", content: contentOf(volume, inode, xattrs.inlineRest) };
    case fileTypeBits.directory:
      return { ...attributes, type: "directory" };
    case fileTypeBits.symlink:
      return { ...attributes, type: "symlink", target: targetOf(volume, path, inode, xattrs) };
    case fileTypeBits["character-device"]:
      return { ...attributes, type: "character-device", ...deviceOf(inode) };
    case fileTypeBits["block-device"]:
      return { ...attributes, type: "block-device", ...deviceOf(inode) };
    case fileTypeBits.fifo:
      return { ...attributes, type: "fifo" };
    case fileTypeBits.socket:
      return { ...attributes, type: "socket" };
    default:
      return damaged(`${path} is inode ${inode.number}, whose mode ${inode.mode.toString(8)} is of no type`);
  }
}

function targetOf(volume: Volume, path: string, inode: ReadInode, { inlineRest }: ReadXattrs): string {
  const { sizeBytes, flags } = inode;
  if (sizeBytes === 0 || sizeBytes > maxTargetBytes) damaged(`the link ${path} is ${sizeBytes} bytes long`);
  const inBlocks = sizeBytes >= inlineBlockBytes || (flags & (inodeFlags.extents | inodeFlags.inlineData)) !== 0;
  const target = inBlocks ? readSmall(volume, inode, inlineRest) : inode.block.subarray(0, sizeBytes);
  if (target.includes(0)) damaged(`the target of the link ${path} contains a NUL`);
  return decodeName(target);
}

/** The old encoding if the first word is set, else the new one in the second. */
function deviceOf({ block }: ReadInode): { major: number; minor: number } {
  const words = new DataView(block.buffer, block.byteOffset);
  const old = words.getUint32(0, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  const encoded = words.getUint32(4, true);
  return { major: (encoded >>> 8) & 0xfff, minor: (encoded & 0xff) | ((encoded >>> 12) & 0xfff00) };
}
