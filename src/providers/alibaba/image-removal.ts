import type { Context } from "../../core/context.ts";
import { CloudimgError, fail } from "../../core/errors.ts";
import type { ImageState } from "../cloud.ts";
import type { EcsApi } from "./api.ts";
import { findImages, importTask } from "./image-state.ts";
import { isGone, vendorCodeOf } from "./vendor-error.ts";

const tries = 10;
const delayMs = 6000;

/**
 * Deletes the image, then its snapshots, which are billed on their own and stay otherwise. An import that still runs is called off first.
 *
 * Errors: `cloud/image-in-use` if it should be unused and is not.
 */
export async function removeImage(
  api: EcsApi,
  image: ImageState,
  context: Context,
  { isUnused }: { readonly isUnused: boolean } = { isUnused: false },
): Promise<void> {
  const handle = { imageId: image.id, name: image.name, region: image.region };
  const snapshots = new Set<string>();
  const look = async () => {
    // It may have got its snapshots after we last looked.
    const [found] = await findImages(api, { handle }, context);
    for (const { kind, id } of found?.parts ?? []) if (kind === "snapshot") snapshots.add(id);
    return found;
  };
  for (const { kind, id } of image.parts) if (kind === "snapshot") snapshots.add(id);
  const found = await look();
  if (found?.state === "pending") await callOff(api, found, context);
  await whileBusy(api, context, async () => {
    await look();
    const which = { regionId: image.region, imageId: image.id };
    // Force: whether or not it is shared, or an instance has it.
    await api.call("DeleteImage", { ...which, force: !isUnused }, `remove image ${image.id}`, context).catch(asInUse);
  });
  for (const id of snapshots) await whileBusy(api, context, () => removeSnapshot(api, id, image.region, context));
}

function asInUse(error: unknown): never {
  if (/^(ImageUseShared|ImageUsingByInstance)$/.test(vendorCodeOf(error) ?? ""))
    fail("cloud/image-in-use", (error as Error).message, { cause: error });
  throw error;
}

export async function removeSnapshot(api: EcsApi, snapshotId: string, region: string, context: Context): Promise<void> {
  await api.call("DeleteSnapshot", { snapshotId }, `remove snapshot ${snapshotId}`, context, region);
}

async function callOff(api: EcsApi, image: ImageState, context: Context): Promise<void> {
  const task = await importTask(api, image, undefined, context);
  const { region: regionId } = image;
  try {
    if (task === undefined) {
      await api.call("CancelCopyImage", { regionId, imageId: image.id }, `call off the copy ${image.id}`, context);
    } else {
      await api.call("CancelTask", { regionId, taskId: task.id }, `call off the import of ${image.id}`, context);
    }
  } catch (error) {
    // It ended meanwhile, or does not let itself be called off: then deleting has to wait for it.
    if (vendorCodeOf(error) === undefined) throw error;
  }
}

/** Errors: `cloud/busy` if it stays so for a minute. */
async function whileBusy(api: EcsApi, context: Context, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (isGone(error)) return;
      const isBusy = error instanceof CloudimgError && error.code === "cloud/busy";
      if (!isBusy || attempt >= tries) throw error;
      await api.connection.sleep(delayMs, context.signal);
    }
  }
}
