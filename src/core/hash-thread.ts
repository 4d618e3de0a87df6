import { isMainThread, type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import { SparseSha256 } from "./checksums.ts";
import { errnoOf } from "./errors.ts";

/** SHA-256 of what comes in order, while whoever gives it goes on. */
export interface StreamHash {
  /** The bytes must not change before the promise settles. */
  update(bytes: Uint8Array): Promise<void> | void;
  updateZeros(lengthBytes: number): Promise<void> | void;
  /** As `SparseSha256`'s. */
  digest(): Promise<string> | string;
  /** Always called last. */
  close(): void;
}

/** A thread takes some time to start: for less it is not worth it. */
const leastBytes = 96 * 1024 ** 2;

/**
 * For so many bytes of data. In a thread of its own if there are many and one is free, and then `isShared`: the bytes must be in memory that threads share. Where no thread may be made (Node's permission
 * model), in this one.
 */
export function createStreamHash(dataBytes: number, isThreadFree = true): StreamHash & { readonly isShared: boolean } {
  if (isThreadFree && dataBytes >= leastBytes)
    try {
      return threadedHash();
    } catch (error) {
      if (errnoOf(error) !== "ERR_ACCESS_DENIED") throw error;
    }
  const hash = new SparseSha256();
  return {
    isShared: false,
    update: (bytes) => hash.update(bytes),
    updateZeros: (lengthBytes) => hash.updateZeros(lengthBytes),
    digest: () => hash.digest(),
    close() {},
  };
}

type Request = { readonly bytes: Uint8Array } | { readonly zeroBytes: number } | { readonly type: "digest" };

const role = "cloudimg stream hash";

function threadedHash(): StreamHash & { readonly isShared: boolean } {
  // This very file: its last lines are what the thread does.
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { role },
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    execArgv: [],
  });
  const pending: { resolve(answer: string): void; reject(error: unknown): void }[] = [];
  let failure: { readonly error: unknown } | undefined;
  worker.on("message", (answer: string) => pending.shift()?.resolve(answer));
  worker.on("error", (error) => {
    failure = { error };
    for (const { reject } of pending.splice(0)) reject(error);
  });
  const ask = (request: Request): Promise<string> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) return reject(failure.error);
      pending.push({ resolve, reject });
      worker.postMessage(request);
    });
  return {
    isShared: true,
    update: async (bytes) => void (await ask({ bytes })),
    updateZeros: async (zeroBytes) => void (await ask({ zeroBytes })),
    digest: () => ask({ type: "digest" }),
    close: () => void worker.terminate(),
  };
}

function serve(port: MessagePort): void {
  const hash = new SparseSha256();
  port.on("message", (request: Request) => {
    if ("bytes" in request) hash.update(request.bytes);
    else if ("zeroBytes" in request) hash.updateZeros(request.zeroBytes);
    port.postMessage("type" in request ? hash.digest() : "");
  });
}

if (!isMainThread && parentPort !== null && workerData?.role === role) serve(parentPort);
