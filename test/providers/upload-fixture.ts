import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../src/core/context.ts";
import type { Event } from "../../src/core/events.ts";
import type { Connection } from "../../src/providers/connection.ts";
import type { Credentials } from "../../src/providers/credentials.ts";
import { type StoreDialect, storeDialects } from "../../src/providers/dialects.ts";
import type { UploadRequest } from "../../src/providers/object-store.ts";
import { type StoreOptions, s3Store } from "../../src/providers/s3-store.ts";

export const kib = 1024;

export const testCredentials: Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "a-secret-that-must-not-show",
  region: "ap-guangzhou",
  origin: "the test",
};

/** All services are at one port of loopback, and waiting takes no time. */
export function loopback(port: number): Connection & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    resolve: () => ({ protocol: "http:", address: "127.0.0.1", port }),
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      signal.throwIfAborted();
      slept.push(ms);
      await new Promise(setImmediate);
    },
    dial: () => Promise.reject(new Error("not here")),
  };
}

export interface Fixture extends Disposable {
  readonly path: string;
  readonly statePath: string;
  readonly content: Buffer;
  readonly events: Event[];
  readonly progress: number[];
  readonly connection: ReturnType<typeof loopback>;
  context(signal?: AbortSignal): Context;
  request(more?: Partial<UploadRequest>): UploadRequest;
  store(options?: StoreOptions, dialect?: StoreDialect): ReturnType<typeof s3Store>;
}

/** A file of the size, whose parts all differ. */
export function uploadFixture(port: number, sizeBytes: number): Fixture {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-upload-"));
  const path = join(directory, "disk.qcow2");
  const content = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) content.writeUInt32LE((at * 2654435761) >>> 0, at);
  writeFileSync(path, content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const events: Event[] = [];
  const progress: number[] = [];
  const connection = loopback(port);
  return {
    path,
    statePath: `${path}.upload.json`,
    content,
    events,
    progress,
    connection,
    context: (signal = new AbortController().signal) => ({
      emit: (event) => events.push(event),
      signal,
      directories: { cache: directory, data: directory },
      environment: {},
      jobs: 1,
    }),
    request: (more = {}) => ({
      path,
      sizeBytes,
      sha256,
      bucket: "images-1250000000",
      key: `cloudimg/${sha256}.qcow2`,
      statePath: `${path}.upload.json`,
      onProgress: (doneBytes) => progress.push(doneBytes),
      ...more,
    }),
    store: (options = {}, dialect = { ...storeDialects.tencent, leastPartBytes: kib }) =>
      s3Store(dialect, testCredentials, connection, { partSizeBytes: 64 * kib, ...options }),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
