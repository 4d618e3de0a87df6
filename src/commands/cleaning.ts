import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import { listRuns, showRun } from "../providers/journal-store.ts";
import type { Leftover } from "../providers/publish-cloud-request.ts";
import { cleanCloudImages } from "./cleaning-images.ts";
import { cleanLocal, localThings } from "./cleaning-local.ts";
import { cleanCloudObjects } from "./cleaning-objects.ts";
import { cleanRecorded, unfinishedRuns } from "./cleaning-runs.ts";
import { cleanTagged } from "./cleaning-tags.ts";
import { cleanUpload, uploadsToClean } from "./cleaning-uploads.ts";
import { describeLeftovers } from "./cleaning-words.ts";
import type { CloudAccess } from "./cloud-session.ts";
import { objectIn } from "./importing-subject.ts";
import type { PlaceName } from "./options.ts";

export interface CleanOptions {
  readonly provider: PlaceName;
  readonly region?: string;
  readonly all?: boolean;
  readonly cache?: boolean;
  readonly byTags?: boolean;
  readonly run?: string;
  readonly images?: boolean;
  readonly olderThan: string;
  readonly dryRun?: boolean;
}

export interface Cleaned {
  removed: string[];
  left: Leftover[];
  /** What could not be tried, and why. */
  skipped: string[];
  /** What to say of what is left. */
  notes: string[];
}

/** The directories in the cache directory. */
const cacheContents = [
  ...["builds", "clusters", "compiled", "downloads", "indexes", "initializer", "kept", "machine", "tools", "unpacked"],
];

/** Errors: `usage/arguments` for what nobody knows, and when a thing that was named cannot be tried. */
export async function cleanUp(
  ids: readonly string[],
  options: CleanOptions,
  context: Context,
  access?: CloudAccess,
): Promise<Cleaned> {
  const cleaned: Cleaned = { removed: [], left: [], skipped: [], notes: [] };
  const { provider, run } = options;
  if (options.byTags === true) {
    if (provider === "local" || ids.length > 0)
      return fail("usage/arguments", "cannot clean by tags: it takes a cloud, and no ids", {
        hint: "cloudimg clean --by-tags -p tencent --region ap-guangzhou, with --run ID for one run",
      });
    if (options.images === true && run === undefined)
      return fail("usage/arguments", "cannot clean images by tags: no run is named", {
        hint: "add --run ID: nothing in the cloud says which images were published",
      });
    const { removed, left } = await cleanTagged({ ...options, provider }, context, access);
    cleaned.removed.push(...removed);
    leave(cleaned, left, run === undefined ? "--by-tags …" : `--by-tags -p ${provider} --run ${run}`);
    return cleaned;
  }
  if (options.images === true)
    fail("usage/arguments", "cannot use --images without --by-tags and --run", {
      hint: "cloudimg clean IMAGE_ID -p CLOUD removes an image",
    });
  if (run !== undefined)
    fail("usage/arguments", "cannot use --run without --by-tags", { hint: `cloudimg clean ${run} cleans a run` });
  await (ids.length > 0 ? cleanNamed : cleanUnnamed)(ids, options, cleaned, context, access);
  if (options.cache === true) cleaned.removed.push(await cleanCache(options, context));
  return cleaned;
}

type Work = (
  ids: readonly string[],
  options: CleanOptions,
  cleaned: Cleaned,
  context: Context,
  access: CloudAccess | undefined,
) => Promise<void>;

/** Nothing is removed before it is known that all are there. */
const cleanNamed: Work = async (ids, options, cleaned, context, access) => {
  const { provider } = options;
  const isDryRun = options.dryRun === true;
  const local = await localThings(context);
  const localIds = new Set([...local.instances, ...local.images].map(({ id }) => id));
  const runIds = listRuns(context).map(({ id }) => id);
  const runs = ids.flatMap((id) => wholeRunId(id, localIds, runIds) ?? []);
  const others = ids.filter((id) => !localIds.has(id) && wholeRunId(id, localIds, runIds) === undefined);
  if (provider === "local" && others.length > 0) {
    const [id = ""] = others;
    fail("usage/arguments", `cannot clean ${id}: no run, no instance and no image has this id`, {
      hint:
        didYouMean(id, [...localIds, ...runIds]) ??
        "cloudimg runs, instances and images list them; add -p CLOUD for an image or a file of a cloud",
    });
  }
  const records = runs.map((id) => showRun(id, context));
  if (provider !== "local") {
    const place = { ...options, provider };
    // The id of no image has a slash.
    const images = others.filter((id) => objectIn(id) === undefined);
    const objects = others.filter((id) => objectIn(id) !== undefined);
    if (images.length > 0) cleaned.removed.push(...(await cleanCloudImages(images, place, context, access)));
    if (objects.length > 0) cleaned.removed.push(...(await cleanCloudObjects(objects, place, context, access)));
  }
  const wanted = ({ id }: { id: string }) => ids.includes(id);
  cleaned.removed.push(...(await cleanLocal(local, { instance: wanted, image: wanted }, isDryRun, context)));
  for (const record of records) {
    const { run, removed, left } = await cleanRecorded(record, { isNamed: true, isDryRun }, context, access);
    cleaned.removed.push(...removed);
    leave(cleaned, left, run);
  }
};

/** What stopped instances, cut-off runs and cut-off uploads have left. What cannot be tried (no credentials) does not stop the rest. */
const cleanUnnamed: Work = async (_ids, options, cleaned, context, access) => {
  const { provider, all } = options;
  const isDryRun = options.dryRun === true;
  const cloud = provider === "local" ? undefined : provider;
  if (cloud === undefined) {
    const wanted = {
      instance: ({ state }: { state: string }) => all === true || state === "stopped",
      image: () => all === true,
    };
    cleaned.removed.push(...(await cleanLocal(await localThings(context), wanted, isDryRun, context)));
  }
  for (const record of unfinishedRuns(cloud, context))
    await tried(cleaned, `the run ${record.id} (${record.scope.cloud})`, context, async () => {
      const { run, removed, left } = await cleanRecorded(record, { isNamed: false, isDryRun }, context, access);
      cleaned.removed.push(...removed);
      leave(cleaned, left, run);
    });
  for (const upload of uploadsToClean(cloud, context))
    await tried(cleaned, `the upload to ${upload.bucket}/${upload.key} (${upload.cloud})`, context, async () => {
      if (!isDryRun) await cleanUpload(upload, context, access);
      cleaned.removed.push(`upload ${upload.bucket}/${upload.key}`);
    });
};

/** An id, or the start of one. */
function wholeRunId(text: string, localIds: ReadonlySet<string>, runIds: readonly string[]): string | undefined {
  if (localIds.has(text)) return undefined;
  if (runIds.includes(text)) return text;
  const [first, ...more] = text.length < 4 ? [] : runIds.filter((id) => id.startsWith(text));
  if (more.length > 0)
    fail("usage/arguments", `cannot tell which run ${text} is: ${1 + more.length} ids start like this`, {
      hint: `for example ${first} and ${more[0]}`,
    });
  return first;
}

async function tried(cleaned: Cleaned, what: string, context: Context, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (context.signal.aborted || !(error instanceof CloudimgError)) throw error;
    const [{ message, hint }] = error.problems;
    context.emit({ type: "log", level: "warning", message: `${what} stays: ${message}`, hint });
    cleaned.skipped.push(`${what}: ${message}`);
  }
}

function leave(cleaned: Cleaned, left: readonly Leftover[], again: string): void {
  cleaned.left.push(...left);
  cleaned.notes.push(...describeLeftovers(left, again));
}

/** Only what is known to be ours: a mistyped CLOUDIMG_CACHE may hold something dear. */
async function cleanCache({ dryRun }: CleanOptions, { directories }: Context): Promise<string> {
  const { cache } = directories;
  if (dryRun !== true) {
    for (const name of cacheContents) await rm(join(cache, name), { recursive: true, force: true });
    await rmdir(cache).catch(() => {});
  }
  return `${cache}: ${cacheContents.join(", ")}`;
}
