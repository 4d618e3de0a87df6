import type { DiskFormatName } from "../build/disk-formats/registry.ts";
import type { Context } from "../core/context.ts";
import { CloudimgError, type Problem } from "../core/errors.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { CloudName } from "../providers/cloud.ts";
import { configurationProblems, uploadFormat } from "../providers/cloud-configuration.ts";
import { clouds } from "../providers/clouds.ts";
import { listRuns } from "../providers/journal-store.ts";
import type { CloudFacts } from "../report/publish-facts.ts";
import { describeInterruption } from "../report/runs.ts";
import { type CloudPublishing, publishOnce, rehearsalDirectory } from "./publishing-cloud.ts";
import { cloudFacts } from "./publishing-facts.ts";
import { recordSteps } from "./publishing-steps.ts";

export interface CloudsPublishing
  extends Pick<CloudPublishing, "loaded" | "region" | "bucket" | "rehearse" | "patience" | "build"> {
  readonly names: readonly CloudName[];
  /** Steps of somewhere else are told beside theirs. */
  readonly isBesides?: boolean | undefined;
  /** When the whole began, by `performance.now()`. */
  readonly startedMs: number;
}

export interface CloudOutcome {
  readonly facts: CloudFacts;
  /** Undefined if all went well. */
  readonly error: unknown;
}

/**
 * Publishes one image to several clouds, each when it is known to be in order. One that fails does not stop the others. They are at work at the same time; rehearsals,
 * which compute, go one after the other. Throws nothing.
 */
export async function publishToClouds(publishing: CloudsPublishing, context: Context): Promise<CloudOutcome[]> {
  const { names, rehearse, startedMs, isBesides = false } = publishing;
  const one = async (name: CloudName): Promise<CloudOutcome> => {
    const { title } = clouds[name];
    const recorder = recordSteps(
      context,
      startedMs,
      names.length > 1 || isBesides ? { prefix: name, title } : undefined,
    );
    const place = rehearse === undefined ? undefined : rehearsalDirectory();
    const data = place?.path ?? context.directories.data;
    const own = { ...recorder.context, directories: { ...context.directories, data } };
    try {
      const told = await publishOnce({ ...publishing, name, title }, own);
      if (rehearse === undefined) tellHowToGoOn(told, own);
      return { facts: cloudFacts({ ...told, steps: recorder.steps() }, own), error: told.error };
    } finally {
      place?.remove();
    }
  };
  return await inTurn(names, rehearse !== undefined, one);
}

async function inTurn<T, R>(items: readonly T[], oneByOne: boolean, work: (item: T) => Promise<R>): Promise<R[]> {
  if (!oneByOne) return await Promise.all(items.map(work));
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/**
 * What is wrong with all of them, told at once, before anything is done. A rehearsal brings its own bucket.
 *
 * Errors: `profile/invalid`, `usage/arguments`
 */
export function checkWishes({
  names,
  loaded,
  region,
  bucket,
  rehearse,
}: Omit<CloudsPublishing, "build" | "startedMs">): void {
  const problems: Problem[] = names.flatMap((name) =>
    configurationProblems(loaded, {
      name,
      title: clouds[name].title,
      bucket: rehearse === undefined ? (bucket ?? loaded.profile.provider[name].bucket ?? "") : "played",
    }),
  );
  if (names.length > 1 && (region !== undefined || (bucket !== undefined && rehearse === undefined)))
    problems.unshift({
      code: "usage/arguments",
      message: "cannot publish to several clouds in one --region or with one --bucket: each has its own",
      hint: `name them in the profile: ${names.map((name) => `provider.${name}.region`).join(", ")}`,
    });
  if (problems.length > 0) throw new CloudimgError(problems);
}

/** What has to be built for them: what the profile asks for, and what each of them imports. */
export function formatsFor(names: readonly CloudName[], profile: LoadedProfile["profile"]): DiskFormatName[] {
  return [...new Set([...profile.output.formats, ...names.map((name) => uploadFormat(name, profile))])];
}

/** A run that was begun is not lost, and may cost. */
function tellHowToGoOn(
  { run, error }: { readonly run: string | undefined; readonly error: unknown },
  context: Context,
) {
  if (!context.signal.aborted || run === undefined || error === undefined) return;
  const record = listRuns(context).find(({ id }) => id === run);
  const message =
    record !== undefined && "scope" in record ? describeInterruption(record) : `the run ${run} is interrupted`;
  const hint = `publish again to go on there, or remove it: cloudimg clean ${run}`;
  context.emit({ type: "log", level: "warning", message, hint });
}
