import { hash } from "node:crypto";
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { zstdCompressSync } from "node:zlib";
import { isZero } from "../../core/checksums.ts";
import { Deflater } from "../../core/deflate.ts";
import { errnoOf } from "../../core/errors.ts";
import { createZlibEncoder } from "../../core/zlib.ts";
import { type KnownClusters, openKnownClusters } from "./cluster-lookup.ts";

/** Some clusters in a row, compressed each by itself and packed one behind the other. */
export interface PackedClusters {
  readonly packed: Uint8Array<ArrayBuffer>;
  /** Of each cluster: 0 if it is zeros, the whole cluster's length if it did not become smaller and stands there as it is. */
  readonly lengths: readonly number[];
  /** With a cache: SHA-256 of each cluster that is not zeros, one behind the other, and whether the cache had it. */
  readonly digests: Uint8Array | undefined;
  readonly isKnown: readonly boolean[];
}

/** Compresses clusters in worker threads; what comes out does not depend on how many there are, or when they are done. */
export interface ClusterCompressor {
  /** The bytes, whole clusters, are copied first. */
  compress(clusters: Uint8Array): Promise<PackedClusters>;
  /** Says that a result is not needed any more: its memory serves the next ones. */
  release(result: PackedClusters): void;
  /** Ends the threads. */
  close(): void;
}

/** `zlib` is deflate alone, as qcow2 has it; `zlib-stream` has zlib's header and checksum. */
export type Compression = "zlib" | "zlib-stream" | "zstd";

/** The place of a cache: its clusters are not compressed again. Empty for the first build, when digests are all that is wanted. */
export interface CompressorCache {
  readonly known: KnownClusters | undefined;
}

/** Changes whenever the bytes do that come out: a cache has no use for others. */
export const compressionVersions: Record<Compression, string> = {
  zlib: "deflate 2",
  "zlib-stream": "zlib 2",
  zstd: `zstd ${process.versions["zstd"]}`,
};

interface Work {
  readonly clusterBytes: number;
  readonly compression: Compression;
  readonly cache: CompressorCache | undefined;
}

/** Up to as many threads as jobs, started when there is work for them. Where none may be made (Node's permission model without --allow-worker), this one does the work. */
export function createClusterCompressor(
  clusterBytes: number,
  compression: Compression,
  jobs: number,
  cache?: CompressorCache,
): ClusterCompressor {
  const work = { clusterBytes, compression, cache };
  try {
    return threadedCompressor(() => startThread(work), jobs);
  } catch (error) {
    if (errnoOf(error) !== "ERR_ACCESS_DENIED") throw error;
    const packer = createPacker(work);
    return { compress: async (clusters) => packer(new Uint8Array(clusters)), release() {}, close() {} };
  }
}

interface Thread {
  readonly worker: Worker;
  /** What it was given, in order; it answers in the same order. */
  readonly pending: { resolve(result: PackedClusters): void; reject(error: unknown): void }[];
  failure: { readonly error: unknown } | undefined;
}

const role = "cloudimg cluster compressor";

function startThread(work: Work): Thread {
  // This very file: its last lines are what the thread does. Only it knows its name in both the source and the compiled package.
  const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { role, work },
    resourceLimits,
    execArgv: [],
  });
  const thread: Thread = { worker, pending: [], failure: undefined };
  worker.on("message", (result: PackedClusters) => thread.pending.shift()?.resolve(result));
  worker.on("error", (error) => {
    thread.failure = { error };
    for (const { reject } of thread.pending.splice(0)) reject(error);
  });
  return thread;
}

function threadedCompressor(start: () => Thread, most: number): ClusterCompressor {
  const threads = [start()];
  // Left to the garbage collector, they would pile up: it sees only how small the objects are that hold them.
  const buffers: ArrayBuffer[] = [];
  return {
    compress(clusters) {
      const copy = copyInto(buffers.pop(), clusters);
      let thread = threads.reduce((best, each) => (each.pending.length < best.pending.length ? each : best));
      if (thread.pending.length > 0 && threads.length < most) {
        thread = start();
        threads.push(thread);
      }
      const { worker, pending, failure } = thread;
      return new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure.error);
        pending.push({ resolve, reject });
        worker.postMessage(copy, [copy.buffer]);
      });
    },
    release({ packed }) {
      buffers.push(packed.buffer);
    },
    close() {
      for (const { worker } of threads) void worker.terminate();
    },
  };
}

function copyInto(buffer: ArrayBuffer | undefined, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (buffer === undefined || buffer.byteLength < bytes.length) return new Uint8Array(bytes);
  const copy = new Uint8Array(buffer, 0, bytes.length);
  copy.set(bytes);
  return copy;
}

/** The window that QEMU opens its decoder with: windowBits -12. */
const windowBytes = 4096;

/** The packed clusters take the place of what they were made from: they are never longer. */
function createPacker({
  clusterBytes,
  compression,
  cache,
}: Work): (clusters: Uint8Array<ArrayBuffer>) => PackedClusters {
  // Not made before it is needed: often all clusters are known.
  let encoder: ((cluster: Uint8Array) => Uint8Array) | undefined;
  const compress = (cluster: Uint8Array) => {
    encoder ??= encoders[compression](clusterBytes);
    return encoder(cluster);
  };
  const lookUp = cache?.known && openKnownClusters(cache.known, clusterBytes);
  return (clusters) => {
    const lengths: number[] = [];
    const digests: Uint8Array[] = [];
    const isKnown: boolean[] = [];
    let used = 0;
    for (let at = 0; at < clusters.length; at += clusterBytes) {
      const cluster = clusters.subarray(at, at + clusterBytes);
      if (isZero(cluster)) {
        lengths.push(0);
        continue;
      }
      const digest = cache && hash("sha256", cluster, "buffer");
      const known = digest && lookUp?.(digest, cluster);
      if (digest !== undefined) digests.push(digest);
      isKnown.push(known !== undefined);
      const compressed = known ?? compress(cluster);
      const result = compressed.length < clusterBytes ? compressed : cluster;
      clusters.set(result, used);
      used += result.length;
      lengths.push(result.length);
    }
    return { packed: clusters.subarray(0, used), lengths, digests: cache && Buffer.concat(digests), isKnown };
  };
}

const encoders: Record<Compression, (clusterBytes: number) => (cluster: Uint8Array) => Uint8Array> = {
  zlib: deflateInto,
  "zlib-stream": createZlibEncoder,
  zstd: () => zstdCompress,
};

function deflateInto(clusterBytes: number): (cluster: Uint8Array) => Uint8Array {
  const deflater = new Deflater(clusterBytes, windowBytes);
  const target = new Uint8Array(clusterBytes + (clusterBytes >> 3) + 64);
  return (cluster) => target.subarray(0, deflater.deflate(cluster, target));
}

/** Node's: its bytes are the same as long as its zstd is. */
function zstdCompress(cluster: Uint8Array): Uint8Array {
  return zstdCompressSync(cluster);
}

function serve(port: MessagePort, work: Work): void {
  const pack = createPacker(work);
  port.on("message", (clusters: Uint8Array<ArrayBuffer>) => {
    const result = pack(clusters);
    port.postMessage(result, [result.packed.buffer]);
  });
}

if (!isMainThread && parentPort !== null && workerData?.role === role) serve(parentPort, workerData.work);
