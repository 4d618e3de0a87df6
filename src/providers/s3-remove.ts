import { fail } from "../core/errors.ts";
import { isMissing } from "./s3-faults.ts";
import { abortUpload, listUploads, type UploadTarget } from "./upload-calls.ts";

/** An object goes by itself, for to delete several at once all stores want a checksum that the SDK does not send any more. */
export async function removeObject(target: Omit<UploadTarget, "sha256">): Promise<void> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  await client
    .call(signal, (s3, options) => s3.send(new client.sdk.DeleteObjectCommand({ Bucket, Key }), options))
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
}

/** Ends all unfinished uploads of a key. */
export async function removeUploads(target: Omit<UploadTarget, "sha256">): Promise<void> {
  const { client, bucket: Bucket, key: Key, signal } = target;
  // A part that is on its way while its upload is aborted may bring it back ("AbortMultipartUpload": abort until no parts are left).
  for (let attempt = 1; ; attempt++) {
    const ids = await listUploads(target).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    if (ids.length === 0) return;
    if (attempt > client.patience.attempts)
      fail("cloud/busy", `cannot remove what is left of uploads to ${Bucket}/${Key}: the store still lists them`, {
        hint: "run the same command again in a few minutes",
      });
    for (const id of ids) await abortUpload(target, id);
    if (attempt > 1) await client.connection.sleep(client.patience.firstDelayMs * attempt, signal);
  }
}
