import { constants, zstdCompressSync } from "node:zlib";
import { Deflater } from "../../core/deflate.ts";
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
  gzip(largestBytes) {
    const deflater = new Deflater(largestBytes, 32768);
    const target = Buffer.alloc(2 + largestBytes + (largestBytes >> 3) + 64 + 4);
    // RFC 1950: deflate with a window of 32 KiB, the effort "maximum".
    target.writeUInt16BE(0x78da);
    return (block) => {
      const end = 2 + deflater.deflate(block, target.subarray(2));
      target.writeUInt32BE(adler32(block), end);
      return target.subarray(0, end + 4);
    };
  },
};

/** RFC 1950, section 8.2. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  let at = 0;
  while (at < bytes.length) {
    // As many as fit 32 bits without a division.
    for (const end = Math.min(bytes.length, at + 5552); at < end; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
