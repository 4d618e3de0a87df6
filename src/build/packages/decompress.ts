import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { formatBytes } from "../../core/format.ts";
import { type Limiter, mapParallel } from "../../core/parallel.ts";
import { decodeXzBlock, xzBlocks } from "./xz.ts";

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

export type Compression = "xz" | "gz" | "zst" | "none";

/** Nothing that is unpacked in memory may become larger: a small archive can claim to hold anything. */
const largestBytes = 4 * 1024 ** 3;

/** By the end of a file name: `data.tar.xz`, `Packages.gz`. Undefined for a kind that Debian does not use in packages any more. */
export function compressionOf(name: string): Compression | undefined {
  if (/\.(xz|txz)$/.test(name)) return "xz";
  if (/\.(gz|tgz)$/.test(name)) return "gz";
  if (/\.(zst|tzst)$/.test(name)) return "zst";
  return /\.(bz2|lzma|lz4|Z)$/.test(name) ? undefined : "none";
}

/**
 * Decompresses on the threads of Node's pool, the blocks of xz in parallel as far as `limit` lets them.
 *
 * @param mostBytes more is an error
 * @throws SyntaxError, or what zlib throws, when the bytes are damaged
 */
export async function decompress(
  bytes: Uint8Array,
  compression: Compression,
  limit: Limiter,
  mostBytes = largestBytes,
): Promise<Buffer> {
  try {
    return await decompressAny(bytes, compression, limit, mostBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw error;
    throw tooLarge(mostBytes);
  }
}

async function decompressAny(
  bytes: Uint8Array,
  compression: Compression,
  limit: Limiter,
  maxOutputLength: number,
): Promise<Buffer> {
  switch (compression) {
    case "none":
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    case "gz":
      return await limit(() => gunzipAsync(bytes, { maxOutputLength }));
    case "zst":
      return await limit(() => zstdAsync(bytes, { maxOutputLength }));
    case "xz":
      return await decodeXz(bytes, limit, maxOutputLength);
  }
}

function tooLarge(mostBytes: number): SyntaxError {
  return new SyntaxError(`it would be larger than ${formatBytes(mostBytes)} unpacked`);
}

async function decodeXz(bytes: Uint8Array, limit: Limiter, mostBytes: number): Promise<Buffer> {
  const blocks = xzBlocks(bytes);
  if (blocks.reduce((sum, block) => sum + block.decodedBytes, 0) > mostBytes) throw tooLarge(mostBytes);
  if (blocks.length === 1 && blocks[0]) {
    const [block] = blocks;
    return await limit(() => decodeXzBlock(bytes, block));
  }
  let decodedBytes = 0;
  const jobs = blocks.map((block) => {
    const job = { block, atBytes: decodedBytes };
    decodedBytes += block.decodedBytes;
    return job;
  });
  const whole = Buffer.allocUnsafeSlow(decodedBytes);
  await mapParallel(jobs, jobs.length, ({ block, atBytes }) =>
    limit(async () => {
      whole.set(await decodeXzBlock(bytes, block), atBytes);
    }),
  );
  return whole;
}
