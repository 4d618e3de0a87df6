import type { Limiter } from "../../core/parallel.ts";
import { Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import { readAr } from "./ar.ts";
import { compressionOf, decompress } from "./decompress.ts";
import { type ContentAt, readTar, type TarEntry } from "./tar.ts";

/**
 * Takes the file archive (`data`) or the one about the package (`control`) out of a .deb (deb(5) format 2.x) and decompresses it.
 *
 * @throws SyntaxError when it is damaged or cut short
 */
export async function unpackMember(deb: Buffer, name: "data" | "control", limit: Limiter): Promise<Buffer> {
  const members = readAr(deb);
  const version = members[0];
  if (version?.name !== "debian-binary" || !/^2\.\d+\n/.test(version.bytes.toString("latin1")))
    throw new SyntaxError("it is no Debian package of format 2");
  const member = members.find((candidate) => candidate.name.startsWith(`${name}.tar`));
  if (member === undefined) throw new SyntaxError(`it has no ${name}.tar: it may be cut short`);
  const compression = compressionOf(member.name);
  if (compression === undefined) throw new SyntaxError(`${member.name} is compressed in a way that is not supported`);
  return await decompress(member.bytes, compression, limit);
}

/**
 * A package's files as a tree, the names moved to where a merged /usr has them. Hard links share their node.
 *
 * @throws SyntaxError when the archive is damaged
 */
export function treeOfTar(tar: Buffer, packageName: string, contentAt?: ContentAt): Tree {
  return treeOfEntries(readTar(tar, `package ${packageName}`, contentAt), mergeUsr);
}

/** The entries of an archive as a tree; of several at one path the last one counts, as when they are unpacked. */
export function treeOfEntries(entries: Iterable<TarEntry>, place: typeof mergeUsr = (path) => path): Tree {
  const tree = new Tree();
  for (const entry of entries) {
    const isAlias = "node" in entry && entry.node.type === "symlink";
    const path = isAlias ? place(entry.path, "keep top level") : place(entry.path);
    if ("node" in entry) {
      tree.set(path, entry.node, { replace: true });
      continue;
    }
    const node = tree.get(place(entry.linkTo));
    if (node === undefined)
      throw new SyntaxError(`${entry.path} is a hard link to ${entry.linkTo}, which is not there`);
    if (node.type === "directory") throw new SyntaxError(`${entry.path} is a hard link to a directory`);
    tree.set(path, node, { replace: true });
  }
  return tree;
}
