import { CloudimgError } from "../core/errors.ts";
import type { ImageState } from "./cloud.ts";
import { keepMade } from "./ledger.ts";
import { type PollOptions, persist } from "./poll.ts";
import type { CloudPublishReport } from "./publish-cloud-request.ts";
import { type CloudRun, profileTag, recorded } from "./publish-cloud-run.ts";
import { planRetention } from "./retention.ts";

const changeTimeoutMs = 10 * 60_000;

/** Shares the images and makes them their family's newest: done only after the smoke test. What is set already may be set again. */
export async function promote(run: CloudRun, images: readonly ImageState[]): Promise<void> {
  const { request } = run;
  const { shareWith, family } = request.configuration;
  if (shareWith.length === 0 && family === undefined) return;
  const change = { ...(shareWith.length > 0 && { shareWith }), ...(family !== undefined && { family }) };
  const inputs = { images: images.map(({ id }) => id), change };
  const title = shareWith.length > 0 ? "Share the image" : `Make it the newest of ${family}`;
  await recorded(run, { id: "promote", title, inputs }, async () => {
    // From the first share on others may use it: a run that ends here must not take it away again.
    await keepImages(run);
    for (const image of images) await changed(run, image, change);
    return {};
  });
}

/**
 * Marks older images of the profile as deprecated and removes the oldest, in each region that was published to. What refuses (shared, in use) stays, with a warning: it
 * does not undo a publish.
 */
export async function retire(run: CloudRun, images: readonly ImageState[]): Promise<CloudPublishReport["retired"]> {
  const { request, context } = run;
  const { deprecateOld, keepNewest } = request.configuration;
  if (!deprecateOld && keepNewest === undefined) return { deprecated: [], removed: [] };
  const inputs = { images: images.map(({ id }) => id), deprecateOld, keepNewest };
  return await recorded(run, { id: "retire", title: "Retire older images", inputs }, async (progress) => {
    const [deprecated, removed]: [string[], string[]] = [[], []];
    for (const { region, id } of images) {
      const tags = { "cloudimg:profile": profileTag(request.profile) };
      const all = await persist(patience(run, `list the images in ${region}`), () =>
        request.cloud.images.find({ region, tags }, context),
      );
      const plan = planRetention(all, { currentId: id, keepNewest, deprecateOld });
      for (const old of plan.deprecate)
        if (await attempt(run, old, "deprecate", () => changed(run, old, { isDeprecated: true })))
          deprecated.push(old.id);
      for (const old of plan.remove)
        if (await attempt(run, old, "remove", () => removeOld(run, old))) removed.push(old.id);
    }
    progress.note(`${deprecated.length} deprecated, ${removed.length} removed`);
    return { deprecated, removed };
  });
}

/** From here on the images are the user's. */
export async function keepImages({ journal }: CloudRun): Promise<void> {
  await keepMade(journal, ({ kind }) => kind === "image");
}

async function attempt(
  { context }: CloudRun,
  image: ImageState,
  verb: string,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (context.signal.aborted || !(error instanceof CloudimgError)) throw error;
    const message = `cannot ${verb} the older image ${image.name} (${image.id}): ${error.message}`;
    context.emit({ type: "log", level: "warning", message });
    return false;
  }
}

async function changed(
  run: CloudRun,
  image: ImageState,
  change: Parameters<CloudRun["request"]["cloud"]["images"]["change"]>[1],
): Promise<void> {
  await persist(patience(run, `change the image ${image.name}`), () =>
    run.request.cloud.images.change(image, change, run.context),
  );
}

async function removeOld(run: CloudRun, image: ImageState): Promise<void> {
  await persist(patience(run, `remove the image ${image.name}`), () =>
    run.request.cloud.images.remove(image, run.context, { isUnused: true }),
  );
}

function patience({ request, context }: CloudRun, what: string): PollOptions {
  return { clock: request.connection, signal: context.signal, what, timeoutMs: changeTimeoutMs };
}
