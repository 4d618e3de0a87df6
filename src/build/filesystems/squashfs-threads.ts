import { setImmediate as yieldToEvents } from "node:timers/promises";
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { errnoOf } from "../../core/errors.ts";
import { type Compression, createCompress } from "./squashfs-compress.ts";

export interface CompressedBlock {
  /** In the buffer that the block came in. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** It did not become shorter and is as it was. */
  readonly isStored: boolean;
}

/** Compresses blocks in worker threads; what comes out does not depend on how many there are, or when they are done. */
export interface BlockCompressor {
  /** So many blocks at once keep all threads at work. */
  readonly blocksAtOnce: number;
  /** An empty block to fill. */
  block(): Uint8Array<ArrayBuffer>;
  /** The block's memory is given away. */
  compress(block: Uint8Array<ArrayBuffer>): Promise<CompressedBlock>;
  /** Says that a result is not needed any more: its memory serves the next block. */
  release(result: CompressedBlock): void;
  /** Ends the threads. */
  close(): void;
}

/**
 * Up to as many threads as jobs, started when there is work for them. With one job, or where none may be made (Node's permission model without --allow-worker), this
 * thread does the work.
 */
export function createBlockCompressor(compression: Compression, blockBytes: number, jobs: number): BlockCompressor {
  const threads: Thread[] = [];
  if (jobs > 1) {
    try {
      threads.push(startThread(compression, blockBytes));
    } catch (error) {
      if (errnoOf(error) !== "ERR_ACCESS_DENIED") throw error;
    }
  }
  const send =
    threads.length > 0 ? threadedSend(threads, jobs, compression, blockBytes) : ownSend(compression, blockBytes);
  const buffers: ArrayBuffer[] = [];
  return {
    blocksAtOnce: threads.length > 0 ? 2 * jobs + 1 : 1,
    block: () => new Uint8Array(buffers.pop() ?? new ArrayBuffer(blockBytes)),
    compress: send,
    release: ({ bytes }) => void buffers.push(bytes.buffer),
    close() {
      for (const { worker } of threads) void worker.terminate();
    },
  };
}

type Send = BlockCompressor["compress"];

interface Thread {
  readonly worker: Worker;
  /** What it was given, in order; it answers in the same order. */
  readonly pending: { resolve(result: CompressedBlock): void; reject(error: unknown): void }[];
  failure: { readonly error: unknown } | undefined;
}

const role = "cloudimg squashfs compressor";

function startThread(compression: Compression, blockBytes: number): Thread {
  // This very file: its last line is what the thread does. Only it knows its name in both the source and the compiled package.
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { role, compression, blockBytes },
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    execArgv: [],
  });
  const thread: Thread = { worker, pending: [], failure: undefined };
  worker.on("message", (result: CompressedBlock) => thread.pending.shift()?.resolve(result));
  worker.on("error", (error) => {
    thread.failure = { error };
    for (const { reject } of thread.pending.splice(0)) reject(error);
  });
  return thread;
}

function threadedSend(threads: Thread[], most: number, compression: Compression, blockBytes: number): Send {
  return (block) => {
    let thread = threads.reduce((best, each) => (each.pending.length < best.pending.length ? each : best));
    if (thread.pending.length > 0 && threads.length < most) {
      thread = startThread(compression, blockBytes);
      threads.push(thread);
    }
    const { worker, pending, failure } = thread;
    return new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure.error);
      pending.push({ resolve, reject });
      worker.postMessage(block, [block.buffer]);
    });
  };
}

function ownSend(compression: Compression, blockBytes: number): Send {
  const pack = createPacker(compression, blockBytes);
  return async (block) => {
    await yieldToEvents();
    return pack(block);
  };
}

/** What is compressed takes the place of what it was made from: it is never longer. */
function createPacker(compression: Compression, blockBytes: number) {
  const compress = createCompress(compression, blockBytes);
  return (block: Uint8Array<ArrayBuffer>): CompressedBlock => {
    const compressed = compress(block);
    if (compressed === undefined) return { bytes: block, isStored: true };
    block.set(compressed);
    return { bytes: block.subarray(0, compressed.length), isStored: false };
  };
}

function serve(port: MessagePort, compression: Compression, blockBytes: number): void {
  const pack = createPacker(compression, blockBytes);
  port.on("message", (block: Uint8Array<ArrayBuffer>) => {
    const result = pack(block);
    port.postMessage(result, [result.bytes.buffer]);
  });
}

if (!isMainThread && parentPort !== null && workerData?.role === role)
  serve(parentPort, workerData.compression, workerData.blockBytes);
