import { hash } from "node:crypto";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { bytesSource, readAll } from "../core/byte-source.ts";
import type { KeptBytes } from "../core/kept-bytes.ts";
import { defaultAttributes, type FileNode, type Tree } from "../core/tree.ts";
import { cpioArchive } from "./filesystems/cpio.ts";

/**
 * An initrd's tree as the compressed archive that the kernel unpacks (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). zstd:
 * the kernels of Debian 12 and later know it (CONFIG_RD_ZSTD), and a slow machine unpacks it four times as fast as gzip.
 */
export async function packInitrd(tree: Tree, epochSeconds: number, kept?: KeptBytes): Promise<FileNode> {
  const archive = readAll(cpioArchive(tree));
  const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };
  const inputs = { sha256: hash("sha256", archive), params, zstd: process.versions.zstd };
  let packed = kept?.get("initrd", inputs);
  if (packed === undefined) {
    packed = new Uint8Array(await promisify(zstdCompress)(archive, { params }));
    kept?.put("initrd", inputs, packed);
  }
  const content = bytesSource(packed);
  return { ...defaultAttributes, type: "file", mode: 0o644, mtime: epochSeconds, origin: "initrd", content };
}
