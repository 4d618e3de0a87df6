import type { Context } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import type { StoredObject, UploadRequest } from "./object-store.ts";
import type { StoreClient } from "./s3-client.ts";
import { isGoneUpload, isLostUpload, isTaken } from "./s3-faults.ts";
import {
  abortUpload,
  completeUpload,
  createUpload,
  headObject,
  listUploads,
  type UploadTarget,
} from "./upload-calls.ts";
import { sendParts, sendWhole } from "./upload-parts.ts";
import { planUpload, type UploadPlan } from "./upload-plan.ts";
import { findUnfinished } from "./upload-resume.ts";
import { openSource, type UploadSource } from "./upload-source.ts";
import { forgetState, readState, stateKeeper, type UploadState } from "./upload-state.ts";

export interface UploadSettings {
  readonly workers: number;
  readonly partSizeBytes?: number | undefined;
}

/** How often an upload is begun that another run has completed, or removed, under our hands. */
const mostRounds = 4;

/**
 * Object there → done. Else the parts that are missing are sent, by what the state file and the store know of an earlier run, and the upload is completed. What was sent is kept
 * when it fails, but not if the file has changed.
 */
export async function uploadFile(
  request: UploadRequest,
  client: StoreClient,
  { workers, partSizeBytes }: UploadSettings,
  context: Pick<Context, "emit" | "signal">,
): Promise<StoredObject & { readonly existed: boolean }> {
  const { path, sizeBytes, sha256, bucket, key, statePath, onProgress } = request;
  const target: UploadTarget = { client, bucket, key, sha256, signal: context.signal };
  const plan = planUpload(sizeBytes, client.dialect, partSizeBytes);
  const source = await openSource(path, sizeBytes);
  const begun = new Set<string>();
  try {
    for (let round = 1; ; round++) {
      if (await isThere(target, sizeBytes)) {
        const state = stateOf(request, target, plan);
        if (state !== undefined) begun.add(state.uploadId);
        if (begun.size > 0) await removeLeftovers(target, begun);
        forgetState(statePath);
        onProgress(sizeBytes, sizeBytes);
        return { bucket, key, sizeBytes, sha256, existed: round === 1 };
      }
      try {
        if (plan.partCount === 1) {
          const count = counter(request);
          await sendWhole(target, source, plan, count);
        } else await sendInParts(request, target, plan, source, workers, context, begun);
      } catch (error) {
        // Completed by another run, or by a try of ours whose answer was lost; or its parts were removed.
        if (round === mostRounds || !(isLostUpload(error) || isTaken(error))) throw error;
        continue;
      }
      if (!(await appears(target, sizeBytes)))
        fail("cloud/store-damaged", `cannot upload to ${bucket}/${key}: it is not there afterwards`, {
          hint: "run the same command again",
        });
      if (plan.partCount > 1) await removeLeftovers(target, begun);
      forgetState(statePath);
      onProgress(sizeBytes, sizeBytes);
      return { bucket, key, sizeBytes, sha256, existed: false };
    }
  } finally {
    await source.close();
  }
}

async function sendInParts(
  request: UploadRequest,
  target: UploadTarget,
  plan: UploadPlan,
  source: UploadSource,
  workers: number,
  context: Pick<Context, "emit" | "signal">,
  begun: Set<string>,
): Promise<void> {
  const { statePath } = request;
  const count = counter(request);
  const unfinished = (await findUnfinished(target, plan, source, stateOf(request, target, plan), count)) ?? {
    uploadId: await createUpload(target),
    parts: new Map<number, string>(),
  };
  const { uploadId, parts } = unfinished;
  begun.add(uploadId);
  const state: UploadState = {
    version: 1,
    host: hostOf(target.client),
    bucket: target.bucket,
    key: target.key,
    uploadId,
    sha256: target.sha256,
    sizeBytes: plan.sizeBytes,
    partSizeBytes: plan.partSizeBytes,
    writtenNs: source.writtenNs,
    parts: Object.fromEntries(parts),
  };
  const keep = stateKeeper(statePath, (error) =>
    context.emit({
      type: "log",
      level: "warning",
      message: `cannot keep what is uploaded in ${statePath}: ${error instanceof Error ? error.message : error}`,
      hint: "the upload goes on; if it is cut off, what is there is looked up at the store",
    }),
  );
  await keep(state);
  const numbers = Array.from({ length: plan.partCount }, (_, index) => index + 1).filter(
    (number) => !parts.has(number),
  );
  try {
    await sendParts({
      target,
      uploadId,
      plan,
      source,
      numbers,
      workers,
      onBytes: count,
      async onPart(number, etag) {
        parts.set(number, etag);
        state.parts[number] = etag;
        await keep(state);
      },
    });
    await source.checkUnchanged();
  } catch (error) {
    // Nobody can use parts of two files.
    if (error instanceof CloudimgError && error.code === "cloud/store-file-changed")
      await discard(target, uploadId, statePath);
    throw error;
  }
  const etags = Array.from({ length: plan.partCount }, (_, index) => parts.get(index + 1) as string);
  try {
    await completeUpload(target, uploadId, etags);
  } catch (error) {
    // The answer to an earlier try was lost, and the store may still be putting the parts together.
    if (!isGoneUpload(error) || !(await appears(target, plan.sizeBytes))) throw error;
  }
  begun.delete(uploadId);
}

/** The state, if it is that of this object, cut as we cut it. */
function stateOf(
  { statePath }: UploadRequest,
  { client, bucket, key, sha256 }: UploadTarget,
  plan: UploadPlan,
): UploadState | undefined {
  const state = readState(statePath);
  const isOurs =
    state?.host === hostOf(client) &&
    state.bucket === bucket &&
    state.key === key &&
    state.sha256 === sha256 &&
    state.sizeBytes === plan.sizeBytes &&
    state.partSizeBytes === plan.partSizeBytes;
  return isOurs ? state : undefined;
}

function hostOf({ dialect, region }: StoreClient): string {
  return dialect.endpoint(region);
}

/** Errors: `cloud/name-taken` when something else has the key. */
async function isThere(target: UploadTarget, sizeBytes: number): Promise<boolean> {
  const found = await headObject(target);
  if (found === undefined) return false;
  if (found.sizeBytes === sizeBytes && found.sha256 === target.sha256) return true;
  fail(
    "cloud/name-taken",
    `cannot upload to ${target.bucket}/${target.key}: another object is there, of ${found.sizeBytes} bytes`,
    { hint: "remove that object, or choose another prefix" },
  );
}

/** Stores may need a moment until they show what they have just completed. */
async function appears(target: UploadTarget, sizeBytes: number): Promise<boolean> {
  const { client, signal } = target;
  const { attempts, firstDelayMs, longestDelayMs } = client.patience;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (await isThere(target, sizeBytes)) return true;
    await client.connection.sleep(Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1)), signal);
  }
  return false;
}

/**
 * The object is there, so whatever else was begun for it is of no use, and billed until it is removed. Another run that is still at it finds its upload gone, looks, and is done.
 * That the store does not let us do it does not undo the upload.
 */
async function removeLeftovers(target: UploadTarget, begun: ReadonlySet<string>): Promise<void> {
  try {
    for (const uploadId of begun) await abortUpload(target, uploadId);
    for (const uploadId of await listUploads(target)) await abortUpload(target, uploadId);
  } catch {
    target.signal.throwIfAborted();
  }
}

async function discard(target: UploadTarget, uploadId: string, statePath: string): Promise<void> {
  await abortUpload(target, uploadId);
  forgetState(statePath);
}

/** Turns lengths into how far it is. */
function counter({ sizeBytes, onProgress }: UploadRequest): (lengthBytes: number) => void {
  let doneBytes = 0;
  return (lengthBytes) => {
    doneBytes += lengthBytes;
    onProgress(doneBytes, sizeBytes);
  };
}
