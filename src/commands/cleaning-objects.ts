import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import type { CloudOptions } from "./cloud-options.ts";
import { type CloudAccess, openCloud } from "./cloud-session.ts";
import { objectIn } from "./importing-subject.ts";
import { forgetUpload, holdUpload, isUnfinished, uploadStatePath } from "./uploading-state.ts";

/**
 * Removes uploaded files, and what unfinished uploads to them have left: only what cloudimg has uploaded, which shows in the digest that it has recorded with the file. All are looked for before
 * the first is touched.
 *
 * Errors: `cloud/not-found`, `cloud/refused`, `cloud/busy` while one is uploaded; those of the store.
 */
export async function cleanCloudObjects(
  names: readonly string[],
  options: CloudOptions & { readonly dryRun?: boolean },
  context: Context,
  access?: CloudAccess,
): Promise<string[]> {
  const found = [];
  for (const name of names) {
    const { bucket = "", key = "" } = objectIn(name) ?? {};
    const session = await openCloud(options.provider, { region: options.region, bucket }, context, access);
    const { store, title } = session;
    await store.checkBucket(bucket, context);
    const statePath = uploadStatePath(session, key, context);
    const facts = await store.find(bucket, key, context);
    if (facts === undefined && !isUnfinished(statePath))
      fail("cloud/not-found", `cannot clean ${name}: there is no such file at ${title}`, {
        hint: "cloudimg upload and the store's console tell the key",
      });
    if (facts !== undefined && facts.sha256 === undefined)
      fail("cloud/refused", `cannot clean ${name}: cloudimg has not uploaded it`, {
        hint: "remove it in the web console",
      });
    found.push({
      name,
      bucket,
      key,
      store,
      statePath,
      size: facts === undefined ? "" : `, ${formatBytes(facts.sizeBytes)}`,
    });
  }
  const removed: string[] = [];
  for (const { name, bucket, key, store, statePath, size } of found) {
    if (options.dryRun !== true) {
      const release = holdUpload(statePath, `to ${name}`);
      try {
        await step(context, "remove", `Remove ${name}`, () => store.remove(bucket, key, context));
        forgetUpload(statePath);
      } finally {
        release();
      }
    }
    removed.push(`object ${name}${size}`);
  }
  return removed;
}
