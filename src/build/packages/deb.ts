import type { Limiter } from "../../core/parallel.ts";
import { Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import { readAr } from "./ar.ts";
import { compressionOf, decompress } from "./decompress.ts";
import { type ContentAt, readTar } from "./tar.ts";

/**
 * Takes the file archive out of a .deb (deb(5) format 2.x) and decompresses it.
 *
 * @throws SyntaxError when it is damaged or cut short
 */
export async function unpackData(deb: Buffer, limit: Limiter): Promise<Buffer> {
  const members = readAr(deb);
  const version = members[0];
  if (version?.name !== "debian-binary" || !/^2\.\d+\n/.test(version.bytes.toString("latin1")))
    throw new SyntaxError("it is no Debian package of format 2");
  const data = members.find((member) => /^data\.tar(\.|$)/.test(member.name));
  if (data === undefined) throw new SyntaxError("it has no data.tar: it may be cut short");
  const compression = compressionOf(data.name);
  if (compression === undefined) throw new SyntaxError(`${data.name} is compressed in a way that is not supported`);
  return await decompress(data.bytes, compression, limit);
}

/**
 * A package's files as a tree, the names moved to where a merged /usr has them. Hard links share their node.
 *
 * @throws SyntaxError when the archive is damaged
 */
export function treeOfTar(tar: Buffer, packageName: string, contentAt?: ContentAt): Tree {
  const tree = new Tree();
  for (const entry of readTar(tar, `package ${packageName}`, contentAt)) {
    const isAlias = "node" in entry && entry.node.type === "symlink";
    const path = isAlias ? mergeUsr(entry.path, "keep top level") : mergeUsr(entry.path);
    if ("node" in entry) {
      tree.set(path, entry.node, { replace: true });
      continue;
    }
    const node = tree.get(mergeUsr(entry.linkTo));
    if (node === undefined)
      throw new SyntaxError(`${entry.path} is a hard link to ${entry.linkTo}, which is not there`);
    tree.set(path, node, { replace: true });
  }
  return tree;
}
