import { constants, inflateRawSync, zstdDecompressSync } from "node:zlib";
import type { ByteSource } from "../../core/byte-source.ts";
import type { Qcow2Header } from "./qcow2-header-reader.ts";
import { zstdFrameBytes } from "./zstd-frame.ts";

const cachedClusterBytes = 4 * 1024 ** 2;

/**
 * Decompresses clusters, and keeps the last ones: a file system is read in small pieces. What is no compressed cluster goes to `damaged`, which
 * throws.
 *
 * @returns the whole cluster at that place; not to be changed
 */
export function openClusters(
  { clusterBytes, compression }: Qcow2Header,
  source: ByteSource,
  damaged: (reason: string) => never,
): (hostOffset: number, hostBytes: number) => Uint8Array {
  const cached = new Map<number, Uint8Array>();
  const mostCached = Math.max(2, Math.floor(cachedClusterBytes / clusterBytes));
  return (hostOffset, hostBytes) => {
    const known = cached.get(hostOffset);
    if (known !== undefined) return known;
    if (hostOffset >= source.sizeBytes)
      damaged(`compressed data lies behind the end of the file, at ${hostOffset}: was it copied completely?`);
    const compressed = new Uint8Array(Math.min(hostBytes, source.sizeBytes - hostOffset));
    source.read(compressed, hostOffset);
    const cluster = decompress(compressed, compression, clusterBytes);
    if (cluster?.length !== clusterBytes) {
      const isCut = hostOffset + hostBytes > source.sizeBytes;
      return damaged(
        `what is at ${hostOffset} is no compressed cluster${isCut ? ", the file ends in it: was it copied completely?" : ""}`,
      );
    }
    const [oldest] = cached.keys();
    if (cached.size >= mostCached && oldest !== undefined) cached.delete(oldest);
    cached.set(hostOffset, cluster);
    return cluster;
  };
}

/** Behind the compressed data comes something else, up to the end of its last sector. */
function decompress(
  compressed: Uint8Array,
  compression: "zlib" | "zstd",
  clusterBytes: number,
): Uint8Array | undefined {
  try {
    if (compression === "zlib") {
      // QEMU does not mind a stream without its end if the cluster is full.
      const finishFlush = constants.Z_SYNC_FLUSH;
      return inflateRawSync(compressed, { maxOutputLength: clusterBytes, chunkSize: clusterBytes, finishFlush });
    }
    const parts: Uint8Array[] = [];
    let doneBytes = 0;
    for (let at = 0; doneBytes < clusterBytes; ) {
      const frameBytes = zstdFrameBytes(compressed.subarray(at));
      if (frameBytes === undefined) return undefined;
      const frame = compressed.subarray(at, at + frameBytes);
      const part = zstdDecompressSync(frame, { maxOutputLength: clusterBytes, chunkSize: clusterBytes });
      parts.push(part);
      doneBytes += part.length;
      at += frameBytes;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
