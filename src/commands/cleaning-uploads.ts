import { type Context, step } from "../core/context.ts";
import type { CloudName } from "../providers/cloud.ts";
import { type CloudAccess, openCloud } from "./cloud-session.ts";
import { forgetUpload, holdUpload, type UnfinishedUpload, unfinishedUploads } from "./uploading-state.ts";

/** Uploads of `cloudimg upload` that were cut off. */
export function uploadsToClean(cloud: CloudName | undefined, context: Context): UnfinishedUpload[] {
  return unfinishedUploads(context).filter((upload) => cloud === undefined || upload.cloud === cloud);
}

/** Ends an upload that was cut off: its parts are billed. Errors: `cloud/busy` while it is at work, those of the store. */
export async function cleanUpload(
  { cloud, region, bucket, key, statePath }: UnfinishedUpload,
  context: Context,
  access?: CloudAccess,
): Promise<void> {
  const { store } = await openCloud(cloud, { region, bucket }, context, access);
  const release = holdUpload(statePath, `to ${bucket}/${key}`);
  try {
    await step(context, "abort", `End the upload to ${bucket}/${key}`, () =>
      store.remove(bucket, key, context, "uploads"),
    );
    forgetUpload(statePath);
  } finally {
    release();
  }
}
