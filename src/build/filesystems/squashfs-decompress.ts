import { constants, inflateSync, zstdDecompressSync } from "node:zlib";
import { damaged, unsupported } from "./squashfs-damage.ts";
import { type CompressorName, metadataBytes } from "./squashfs-format.ts";
import { UnknownFilter, xzDecompress } from "./squashfs-xz.ts";

/** Gives no more than `mostBytes`. Errors: `image/damaged`, `image/unsupported`. */
export type Decompress = (bytes: Uint8Array, mostBytes: number) => Uint8Array;

/** Errors: `image/unsupported` for compressors that are not at hand. */
export function createDecompress(compressor: CompressorName, blockBytes: number): Decompress {
  const plain = decoders[compressor]?.(Math.max(blockBytes, metadataBytes));
  if (plain === undefined)
    return unsupported(`it is compressed with ${compressor}, and only gzip, xz and zstd are understood`);
  return (bytes, mostBytes) => {
    try {
      return plain(bytes, mostBytes);
    } catch (error) {
      if (error instanceof UnknownFilter)
        return unsupported("a block of it is filtered for a processor other than x86");
      return damaged(`a block cannot be decompressed: ${(error as Error).message}`, error);
    }
  };
}

const decoders: Partial<Record<CompressorName, (largestBytes: number) => Decompress>> = {
  gzip: () => (bytes, mostBytes) => inflateSync(bytes, { maxOutputLength: mostBytes }),
  xz: () => xzDecompress,
  zstd(largestBytes) {
    // As the kernel, which has no larger window either (fs/squashfs/zstd_wrapper.c).
    const params = { [constants.ZSTD_d_windowLogMax]: Math.log2(largestBytes) };
    return (bytes, mostBytes) => zstdDecompressSync(bytes, { maxOutputLength: mostBytes, params });
  },
};
