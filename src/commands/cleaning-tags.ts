import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { cleanByTags, foundByTags, type TagCleaning } from "../providers/clean-cloud.ts";
import { unpublishedImages } from "../providers/clean-cloud-images.ts";
import type { ImageState, Resource } from "../providers/cloud.ts";
import type { RunRecord } from "../providers/journal-record.ts";
import { takeScope } from "../providers/journal-scope.ts";
import { listRuns } from "../providers/journal-store.ts";
import { persist } from "../providers/poll.ts";
import type { Leftover } from "../providers/publish-cloud-request.ts";
import { type CloudOptions, durationOption } from "./cloud-options.ts";
import { type CloudAccess, type CloudSession, openCloud } from "./cloud-session.ts";

export interface TagOptions extends CloudOptions {
  readonly run?: string;
  /** With a run: its images too. */
  readonly images?: boolean;
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

export interface TagCleaned {
  readonly removed: readonly string[];
  readonly left: readonly Leftover[];
}

/**
 * Removes what runs have left in a region, by the tags that it carries: for when their journals are lost. Runs of this machine that are at work are spared, and so is what a launch has left
 * running on purpose, unless the run is named. Images go only if they are asked for (see `unpublishedImages`), and never if somebody has them; objects never: a store does not tell what it has.
 */
export async function cleanTagged(options: TagOptions, context: Context, access?: CloudAccess): Promise<TagCleaned> {
  const { run } = options;
  const olderThanMs = durationOption("--older-than", options.olderThan);
  const session = await openCloud(options.provider, { region: options.region }, context, access);
  const records = listRuns(context).filter((known): known is RunRecord => "ledger" in known);
  const busy = records.filter((record) => isAtWork(record, context));
  if (run !== undefined && busy.some(({ id }) => id === run))
    fail("cloud/busy", `cannot clean the run ${run}: it is at work`, { hint: "interrupt it: it tidies up" });
  if (run !== undefined && records.some(({ id }) => id === run))
    context.emit({
      type: "log",
      level: "info",
      message: `the journal of ${run} is here`,
      hint: `cloudimg clean ${run} removes what it has put into the store as well`,
    });
  const spare = new Set([...busy, ...records.filter(isKept)].map(({ id }) => id));
  const wish: TagCleaning = { run, spare, olderThanMs };
  const images =
    run === undefined || options.images !== true ? [] : await unpublishedImages(run, session.region, session, context);
  if (options.dryRun === true) {
    const found = await foundByTags(wish, session, context);
    return { removed: [...found.map(wordsFor), ...images.map(({ id }) => `image ${id}`)], left: [] };
  }
  const swept = await step(context, "clean", `Clean ${session.region} by tags`, () =>
    cleanByTags(wish, session, context),
  );
  const failed: Leftover[] = [];
  for (const image of images) failed.push(...(await removeImage(image, session, context)));
  const removed = images.filter(({ id }) => !failed.some((left) => left.id === id)).map(({ id }) => `image ${id}`);
  return { removed: [...swept.removed.map(wordsFor), ...removed], left: [...swept.left, ...failed] };
}

function isAtWork({ scope }: RunRecord, context: Context): boolean {
  const lock = takeScope(scope, context);
  if ("holder" in lock) return true;
  lock.release();
  return false;
}

function isKept({ ledger }: RunRecord): boolean {
  return Object.values(ledger).some(({ kind, state }) => kind === "instance" && state === "kept");
}

function wordsFor({ kind, id }: Resource): string {
  return `${kind} ${id}`;
}

/** What refuses (shared, in use) stays. */
async function removeImage(image: ImageState, session: CloudSession, context: Context): Promise<Leftover[]> {
  const { cloud, connection: clock } = session;
  const { id, region, name } = image;
  const patience = { clock, signal: context.signal, what: `remove the image ${id}`, timeoutMs: 10 * 60_000 };
  return await persist(patience, () => cloud.images.remove(image, context, { isUnused: true })).then(
    () => [],
    (error: unknown) => {
      context.signal.throwIfAborted();
      return [
        { kind: "image" as const, id, region, name, fault: error instanceof Error ? error.message : String(error) },
      ];
    },
  );
}
