import { constants, zstdCompressSync } from "node:zlib";
import { createZlibEncoder } from "../../core/zlib.ts";
import { metadataBytes } from "./squashfs-format.ts";
import { xzCompress } from "./squashfs-xz.ts";

/** What we can write. */
export type Compression = "zstd" | "xz" | "gzip";

/** A block's compressed form; undefined if that would not be shorter. Valid until the next call. */
export type Compress = (block: Uint8Array) => Uint8Array | undefined;

/** mksquashfs's default, which readers take for granted where the image does not tell. */
export const zstdLevel = 15;

/** For blocks of up to `blockBytes`, and metadata. */
export function createCompress(compression: Compression, blockBytes: number): Compress {
  const encode = encoders[compression](Math.max(blockBytes, metadataBytes));
  return (block) => {
    const encoded = encode(block);
    return encoded.length < block.length ? encoded : undefined;
  };
}

const encoders: Record<Compression, (largestBytes: number) => (block: Uint8Array) => Uint8Array> = {
  zstd(largestBytes) {
    // In one go, so that the frame says its content's size; the kernel's window is no larger than a block.
    const options = {
      chunkSize: largestBytes + (largestBytes >> 7) + 512,
      params: { [constants.ZSTD_c_compressionLevel]: zstdLevel },
    };
    return (block) => zstdCompressSync(block, options);
  },
  xz: (largestBytes) => (block) => xzCompress(block, largestBytes),
  gzip: createZlibEncoder,
};
