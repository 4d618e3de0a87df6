import type { Context } from "../core/context.ts";
import type { CleaningTools } from "./clean-cloud.ts";
import type { ImageState } from "./cloud.ts";
import { listRuns } from "./journal-store.ts";
import { persist } from "./poll.ts";

/**
 * Images that a run has begun and not published, found by its tag. Nothing in the cloud says that an image was published, so the run must be named, and an image is spared if it is in
 * a family, or deprecated (so it once was the newest), or if our own journal says that it is meant to stay. Whoever removes them asks the cloud for unused ones only.
 */
export async function unpublishedImages(
  run: string,
  region: string,
  { cloud, connection: clock }: Pick<CleaningTools, "cloud" | "connection">,
  context: Context,
): Promise<ImageState[]> {
  const what = `look for images of the run ${run}`;
  const tags = { "cloudimg:run": run };
  const found = await persist({ clock, signal: context.signal, what, timeoutMs: 60_000 }, () =>
    cloud.images.find({ region, tags }, context),
  );
  const record = listRuns(context).find(({ id }) => id === run);
  const kept = Object.values(record !== undefined && "ledger" in record ? record.ledger : {})
    .filter(({ kind, state }) => kind === "image" && state === "kept")
    .map(({ id }) => id);
  return found.filter(
    ({ id, family, isDeprecated }) => family === undefined && isDeprecated !== true && !kept.includes(id),
  );
}
