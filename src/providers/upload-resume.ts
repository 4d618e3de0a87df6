import { createHash } from "node:crypto";
import { isLostUpload, isMissing } from "./s3-faults.ts";
import { listParts, listUploads, type UploadTarget } from "./upload-calls.ts";
import { rangeOf, type UploadPlan } from "./upload-plan.ts";
import type { UploadSource } from "./upload-source.ts";
import type { UploadState } from "./upload-state.ts";

export interface Unfinished {
  readonly uploadId: string;
  /** Number → ETag of the parts that are there and right. */
  readonly parts: Map<number, string>;
}

/**
 * Finds an upload that was cut off: the one that the state names, else one that the store lists for the key. A part counts as done if the store lists it as the
 * state has it; parts that the state does not know, and all if the file was written since, count if their MD5 is that of the file's bytes.
 */
export async function findUnfinished(
  target: UploadTarget,
  plan: UploadPlan,
  source: UploadSource,
  state: UploadState | undefined,
  onVerified: (lengthBytes: number) => void,
): Promise<Unfinished | undefined> {
  const ids = state === undefined ? await listOrNone(target) : [state.uploadId];
  for (const uploadId of ids) {
    try {
      const listed = await listParts(target, uploadId);
      const known = state !== undefined && state.writtenNs === source.writtenNs ? state.parts : {};
      const parts = new Map<number, string>();
      const buffer = Buffer.allocUnsafeSlow(Math.min(plan.partSizeBytes, plan.sizeBytes));
      for (const { number, sizeBytes, etag } of listed) {
        if (number < 1 || number > plan.partCount) continue;
        const { offsetBytes, lengthBytes } = rangeOf(plan, number);
        if (sizeBytes !== lengthBytes) continue;
        if (known[number] !== etag) {
          target.signal.throwIfAborted();
          const bytes = buffer.subarray(0, lengthBytes);
          await source.read(bytes, offsetBytes);
          if (createHash("md5").update(bytes).digest("hex") !== etag.toLowerCase()) continue;
        }
        parts.set(number, etag);
        onVerified(lengthBytes);
      }
      return { uploadId, parts };
    } catch (error) {
      if (!isLostUpload(error) && !isMissing(error)) throw error;
    }
  }
  return undefined;
}

/** To list a bucket's uploads is a permission of its own, without which one begins anew. */
async function listOrNone(target: UploadTarget): Promise<string[]> {
  try {
    return await listUploads(target);
  } catch (error) {
    target.signal.throwIfAborted();
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 403) return [];
    throw error;
  }
}
