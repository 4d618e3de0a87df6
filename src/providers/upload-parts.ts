import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { DamagedPart, wantsSignedBody } from "./s3-faults.ts";
import { patiently } from "./s3-patience.ts";
import { type PartBody, putObject, type UploadTarget, uploadPart } from "./upload-calls.ts";
import { rangeOf, type UploadPlan } from "./upload-plan.ts";
import type { UploadSource } from "./upload-source.ts";

export interface PartsRequest {
  readonly target: UploadTarget;
  readonly uploadId: string;
  readonly plan: UploadPlan;
  readonly source: UploadSource;
  /** Those that are still to be sent. */
  readonly numbers: readonly number[];
  readonly workers: number;
  /** Bytes that went out; negative when they have to go again. */
  readonly onBytes: (lengthBytes: number) => void;
  /** Awaited before the worker takes its next part. */
  readonly onPart: (number: number, etag: string) => Promise<void>;
}

const sliceBytes = 256 * 1024;

/**
 * Sends parts by a few workers, each with one buffer that it uses again and again: there is never more in memory. After a failure, the others are
 * cut off as well.
 */
export async function sendParts(request: PartsRequest): Promise<void> {
  const { plan, source, workers, numbers, onPart } = request;
  const failed = new AbortController();
  const signal = AbortSignal.any([request.target.signal, failed.signal]);
  const target = { ...request.target, signal };
  const queue = numbers.values();
  const work = async () => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(plan.partSizeBytes, plan.sizeBytes));
    for (const number of queue) {
      signal.throwIfAborted();
      const { offsetBytes, lengthBytes } = rangeOf(plan, number);
      const bytes = buffer.subarray(0, lengthBytes);
      await source.read(bytes, offsetBytes);
      await onPart(number, await sendPart({ ...request, target }, number, bytes));
    }
  };
  const lanes = Array.from({ length: Math.min(workers, numbers.length) }, () =>
    work().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(lanes);
  request.target.signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
}

async function sendPart({ target, uploadId, onBytes }: PartsRequest, number: number, bytes: Buffer): Promise<string> {
  return await sendBody(target, bytes, onBytes, async (body) => {
    const { etag, isOpaque } = await uploadPart(target, uploadId, number, body);
    const md5 = body.md5.toString("hex");
    if (!isOpaque && etag.toLowerCase() !== md5)
      throw new DamagedPart(`part ${number} arrived as another one (MD5 ${md5}, ETag ${etag})`);
    return etag;
  });
}

/** A file of one part goes in one request. */
export async function sendWhole(
  target: UploadTarget,
  source: UploadSource,
  { sizeBytes }: UploadPlan,
  onBytes: (lengthBytes: number) => void,
): Promise<void> {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  await source.read(bytes, 0);
  await source.checkUnchanged();
  await sendBody(target, bytes, onBytes, (body) => putObject(target, body));
}

/** Tries again what may pass; with a signed body, if the store wants it. */
async function sendBody<T>(
  target: UploadTarget,
  bytes: Buffer,
  onBytes: (lengthBytes: number) => void,
  send: (body: PartBody) => Promise<T>,
): Promise<T> {
  const { client, signal } = target;
  const md5 = createHash("md5").update(bytes).digest();
  let sha256: string | undefined;
  const once = async (): Promise<T> => {
    const { isUnsigned } = client.payload;
    if (!isUnsigned) sha256 ??= createHash("sha256").update(bytes).digest("hex");
    try {
      return await counting(bytes, onBytes, (body) => send({ body, lengthBytes: bytes.length, md5, sha256 }));
    } catch (error) {
      if (!isUnsigned || !wantsSignedBody(error)) throw error;
      client.payload.isUnsigned = false;
      return await once();
    }
  };
  return await patiently(client.patience, client.connection, signal, once);
}

/** Hands the bytes over in slices, and counts them as they are taken. */
async function counting<T>(
  bytes: Buffer,
  onBytes: (lengthBytes: number) => void,
  send: (body: Readable) => Promise<T>,
): Promise<T> {
  let takenBytes = 0;
  let isOver = false;
  function* slices() {
    for (let at = 0; at < bytes.length && !isOver; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes);
      yield slice;
      if (isOver) return;
      takenBytes += slice.length;
      onBytes(slice.length);
    }
  }
  const body = Readable.from(slices(), { objectMode: false, highWaterMark: sliceBytes });
  try {
    const result = await send(body);
    // A store that answers before it has read all has not read all.
    if (takenBytes < bytes.length) throw new DamagedPart(`only ${takenBytes} of ${bytes.length} bytes were taken`);
    return result;
  } catch (error) {
    isOver = true;
    if (takenBytes > 0) onBytes(-takenBytes);
    throw error;
  } finally {
    body.destroy();
  }
}
