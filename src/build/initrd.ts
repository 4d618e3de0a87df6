import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { bytesSource, readAll } from "../core/byte-source.ts";
import { treeDigest } from "../core/content-digest.ts";
import type { KeptBytes } from "../core/kept-bytes.ts";
import { defaultAttributes, type FileNode, type Tree } from "../core/tree.ts";
import { cpioArchive } from "./filesystems/cpio.ts";

/** Part of the name in the cache: raise it when the archive of a tree becomes another one. */
const recipe = 1;

/**
 * An initrd's tree as the compressed archive that the kernel unpacks (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). zstd:
 * the kernels of Debian 12 and later know it (CONFIG_RD_ZSTD), and a slow machine unpacks it four times as fast as gzip.
 */
export async function packInitrd(tree: Tree, epochSeconds: number, kept?: KeptBytes): Promise<FileNode> {
  const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };
  const inputs = { recipe, tree: treeDigest(tree), params, zstd: process.versions.zstd };
  let packed = kept?.get("initrd", inputs);
  if (packed === undefined) {
    const archive = readAll(cpioArchive(tree));
    packed = new Uint8Array(await promisify(zstdCompress)(archive, { params }));
    kept?.put("initrd", inputs, packed);
  }
  const content = bytesSource(packed);
  return { ...defaultAttributes, type: "file", mode: 0o644, mtime: epochSeconds, origin: "initrd", content };
}
