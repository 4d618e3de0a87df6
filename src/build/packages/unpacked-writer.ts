import { crc32 } from "node:zlib";
import type { ByteSource } from "../../core/byte-source.ts";
import { contentDigest } from "../../core/content-digest.ts";
import type { Node, Tree } from "../../core/tree.ts";
import type { Index, IndexContent, IndexEntry } from "./unpacked-format.ts";

/** A tree as its index and the contents of its files. */
export function packTree(tree: Tree): { readonly index: Buffer; readonly contents: readonly Uint8Array[] } {
  const contents: Uint8Array[] = [];
  const places = new Map<Node, number>();
  let atBytes = 0;
  const keep = (content: ByteSource): IndexContent => {
    const start = atBytes;
    let check = 0;
    for (const { offsetBytes, lengthBytes } of content.extents) {
      const data = new Uint8Array(lengthBytes);
      content.read(data, offsetBytes);
      check = crc32(data, check);
      contents.push(data);
      atBytes += lengthBytes;
    }
    const isDense = atBytes - start === content.sizeBytes;
    return {
      sizeBytes: content.sizeBytes,
      atBytes: start,
      crc32: check,
      sha256: contentDigest(content),
      ...(!isDense && { extents: content.extents.map(({ offsetBytes, lengthBytes }) => [offsetBytes, lengthBytes]) }),
    };
  };
  const entries = [...tree.entries()].map(([path, node], place): IndexEntry => {
    const { type, mode, mtime, uid, gid, xattrs } = node;
    const link = type === "directory" ? undefined : places.get(node);
    if (link !== undefined) return { path, type, mode, mtime, link };
    places.set(node, place);
    return {
      ...{ path, type, mode, mtime },
      ...((uid !== 0 || gid !== 0) && { owner: [uid, gid] as const }),
      ...(node.type === "symlink" && { target: node.target }),
      ...("major" in node && { device: [node.major, node.minor] as const }),
      ...(xattrs && { xattrs: [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")]) }),
      ...(node.type === "file" && node.content.sizeBytes > 0 && { content: keep(node.content) }),
    };
  });
  const index: Index = { contentBytes: atBytes, entries };
  return { index: Buffer.from(JSON.stringify(index)), contents };
}
