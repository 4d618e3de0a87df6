import { step } from "../core/context.ts";
import { CloudimgError, exitCodeOfFamily } from "../core/errors.ts";
import { mapParallel } from "../core/parallel.ts";
import type { ImageState } from "./cloud.ts";
import { mark } from "./ledger.ts";
import { awaitImage, type ImageMaking, imagesThere, makeImageOnce, removeBroken } from "./ledger-import.ts";
import { broughtBack } from "./publish-cloud-image.ts";
import { type CloudRun, settleMs } from "./publish-cloud-run.ts";

/** Clouds take about this many copies at once and queue the rest (Alibaba, Huawei: five). */
const atOnce = 5;

/**
 * Copies the image to the other regions, each on its own: one that fails does not stop the others, and the next try copies only what is missing.
 *
 * Errors: `cloud/copy-failed`, one problem for each region.
 */
export async function copiedToRegions(
  run: CloudRun,
  image: ImageState,
): Promise<(ImageState & { existed: boolean })[]> {
  const { copyTo, region: home } = run.request.configuration;
  const regions = [...new Set(copyTo)].filter((region) => region !== home);
  const outcomes = await mapParallel(regions, atOnce, (region) =>
    copied(run, image, region).then(
      (copy) => ({ region, copy }),
      (error: unknown) => ({ region, error }),
    ),
  );
  run.context.signal.throwIfAborted();
  const failed = outcomes.flatMap((outcome) => ("error" in outcome ? [outcome] : []));
  // A journal that cannot be written is no matter of a region.
  const ours = failed.find(({ error }) => error instanceof CloudimgError && error.exitCode === exitCodeOfFamily.host);
  if (ours !== undefined) throw ours.error;
  if (failed.length > 0)
    throw new CloudimgError(
      failed.map(({ region, error }) => ({
        code: "cloud/copy-failed" as const,
        message: `cannot copy the image to ${region}: ${error instanceof Error ? error.message : error}`,
        hint: [hintOf(error), "publish again: only what is missing is copied"].flat().join("\n"),
      })),
      { cause: failed[0]?.error },
    );
  return outcomes.flatMap((outcome) => ("copy" in outcome ? [outcome.copy] : []));
}

function hintOf(error: unknown): string[] {
  const hint = error instanceof CloudimgError ? error.problems[0].hint : undefined;
  return hint === undefined ? [] : [hint];
}

async function copied(run: CloudRun, image: ImageState, region: string): Promise<ImageState & { existed: boolean }> {
  const { request, journal, context, tags } = run;
  const { cloud, connection } = request;
  const { name } = image;
  const key = `image@${region}`;
  const making: ImageMaking = {
    ...{ journal, images: cloud.images, clock: connection, context, key, region, name, tags, settleMs },
  };
  return await step(context, `copy-${region}`, `Copy the image to ${region}`, async (progress) => {
    const own = journal.record().ledger[key];
    if (own === undefined || own.state === "removed") {
      const existing = (await imagesThere(making)).find(({ state }) => state === "available");
      if (existing !== undefined) {
        progress.cached();
        return { ...(await broughtBack(run, existing)), existed: true };
      }
    }
    const handle = await makeImageOnce(making, (token) =>
      cloud.images.copy(image, region, { name, tags, token }, context),
    );
    const copy = await awaitImage(making, handle, () => {}).catch((error) => dropFailed(making, error));
    if (own?.id !== copy.id || handle.imageId !== copy.id)
      await mark(journal, key, { id: copy.id, handle: { ...handle, imageId: copy.id } });
    progress.note(copy.id);
    return { ...copy, existed: false };
  });
}

/** A copy that failed or vanished is cleared away, so that the next try makes another. */
async function dropFailed(making: ImageMaking, error: unknown): Promise<never> {
  const { journal, images, key, context } = making;
  const handle = journal.record().ledger[key]?.handle;
  const isOver =
    error instanceof CloudimgError && (error.code === "cloud/import-failed" || error.code === "cloud/not-found");
  if (isOver && handle !== undefined) {
    await removeBroken(making, await images.find({ handle }, context));
    await mark(journal, key, { state: "removed" });
  }
  throw error;
}
