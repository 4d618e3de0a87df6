import { deflateRaw } from "node:zlib";

/** Deflate data shorter than the cluster; or what to do instead. */
export type CompressedCluster = Uint8Array | "zero" | "incompressible";

export interface ClusterCompressor {
  /** Compresses each cluster by itself; `undefined` stands for one of zeros. The clusters must not change meanwhile. */
  compress(clusters: readonly (Uint8Array | undefined)[]): Promise<readonly CompressedCluster[]>;
}

/**
 * Raw deflate, without zlib's header, in a window of 4 KiB: QEMU opens its decoder with windowBits -12 and no larger.
 * Runs on Node's own pool of threads.
 */
export function createClusterCompressor(clusterBytes: number, jobs: number): ClusterCompressor {
  const options = { level: 6, windowBits: 12, memLevel: 7, chunkSize: clusterBytes };
  // Some more than there are threads, so that none waits for the next cluster while ours is busy reading.
  const limit = jobs === 1 ? 1 : jobs * 4;
  let running = 0;
  const waiting: (() => void)[] = [];
  const compressOne = (cluster: Uint8Array): Promise<CompressedCluster> =>
    new Promise((resolve, reject) => {
      const start = () => {
        running++;
        deflateRaw(cluster, options, (error, compressed) => {
          running--;
          waiting.shift()?.();
          if (error) reject(error);
          else resolve(compressed.length < clusterBytes ? compressed : "incompressible");
        });
      };
      if (running < limit) start();
      else waiting.push(start);
    });
  return {
    compress: (clusters) =>
      Promise.all(clusters.map((cluster) => (cluster === undefined ? ("zero" as const) : compressOne(cluster)))),
  };
}
