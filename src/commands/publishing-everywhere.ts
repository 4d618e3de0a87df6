import type { Context } from "../core/context.ts";
import { CloudimgError, fail, type Problem } from "../core/errors.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { CloudName } from "../providers/cloud.ts";
import { uploadFormat } from "../providers/cloud-configuration.ts";
import type { PublishFacts } from "../report/publish-facts.ts";
import { buildProfile } from "./building.ts";
import type { Built } from "./built.ts";
import type { Invocation } from "./command.ts";
import type { PublishOptions } from "./publish-options.ts";
import {
  type CloudOutcome,
  type CloudsPublishing,
  checkWishes,
  formatsFor,
  publishToClouds,
} from "./publishing-clouds.ts";
import { type LocalPublished, localFacts, publishLocally } from "./publishing-local.ts";
import { imageFacts, placeOfReport, writeReport } from "./publishing-report.ts";
import { recordSteps } from "./publishing-steps.ts";

interface Everywhere {
  readonly loaded: LoadedProfile;
  readonly options: PublishOptions;
  readonly isLocal: boolean;
  readonly names: readonly CloudName[];
}

/**
 * To clouds, and to this machine besides if that is wanted: built once. What each came to is told, then what failed is thrown.
 *
 * Errors: those of the build; `usage/arguments`, `profile/invalid`, `cloud/…`, `check/…`.
 */
export async function publishEverywhere(
  { loaded, options, isLocal, names }: Everywhere,
  result: Invocation["result"],
  context: Context,
): Promise<void> {
  const { region, bucket } = options;
  const { profile } = loaded;
  checkCloudOptions(options, isLocal);
  const rehearse = options.rehearse === true ? await rehearser(options) : undefined;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const common = recordSteps(context, startedMs);
  let building: Promise<Built> | undefined;
  let built: Built | undefined;
  const build = async () => {
    building ??= buildProfile(loaded, options, common.context, formatsFor(names, profile));
    built = await building;
    return built;
  };
  const wish = { names, loaded, region, bucket, rehearse, build, startedMs, isBesides: isLocal };
  checkWishes(wish);
  const file = placeOfReport(options, profile.image.name);
  const toClouds = () => publishToClouds(wish, context);
  const toLocal = async () => (isLocal ? await localOutcome(wish, options.keep === true, context) : undefined);
  const [clouds, local] =
    rehearse === undefined ? await Promise.all([toClouds(), toLocal()]) : [await toClouds(), await toLocal()];
  const facts: PublishFacts = {
    ...{ profile: loaded.path, isRehearsal: rehearse !== undefined, startedAt },
    durationMs: performance.now() - startedMs,
    ...(built && { image: imageFacts(built, uploadFormat(names[0] as CloudName, profile)) }),
    steps: common.steps(),
    clouds: [...(local === undefined ? [] : [local.facts]), ...clouds.map((outcome) => outcome.facts)],
  };
  const unwritten = await writeReport(facts, file).then(
    () => undefined,
    (error: unknown) => error,
  );
  const { describePublished } = await import("../report/published.ts");
  const { describePublish } = await import("../report/publish.ts");
  const kept = local?.report?.instance.kept === true ? [describePublish(local.report, local.report.keyPath)] : [];
  result([describePublished(facts, file), ...kept].join("\n\n"), {
    ...facts,
    built,
    local: local?.report,
    report: file,
  });
  const all = [...(local === undefined ? [] : [local]), ...clouds];
  throwErrors(all.map(({ facts: { title }, error }) => ({ title, error })));
  if (unwritten !== undefined) throw unwritten;
}

function checkCloudOptions(options: PublishOptions, isLocal: boolean): void {
  if (options.keep === true && !isLocal)
    fail("usage/arguments", "cannot keep the instance: --keep is for the local provider", {
      hint: "publish without it, then start an instance of the image: cloudimg launch IMAGE_ID --provider NAME",
    });
  if (options.fault !== undefined && options.rehearse !== true)
    fail("usage/arguments", "cannot make faults: --fault is for rehearsals", { hint: "add --rehearse" });
}

async function localOutcome(
  { loaded, build, startedMs }: Pick<CloudsPublishing, "loaded" | "build" | "startedMs">,
  keep: boolean,
  context: Context,
): Promise<CloudOutcome & { readonly report: LocalPublished | undefined }> {
  const recorder = recordSteps(context, startedMs, { prefix: "local", title: "local" });
  const { report, error } = await publishLocally(loaded, build, keep, recorder.context).then(
    (report) => ({ report, error: undefined }),
    (error: unknown) => ({ report: undefined, error }),
  );
  return { report, error, facts: localFacts({ report, error, steps: recorder.steps() }, context) };
}

/** All problems of all places, each once: a build that failed has failed for all of them. What is no problem of the user's goes first, as it is. */
function throwErrors(outcomes: readonly { readonly title: string; readonly error: unknown }[]): void {
  const failed = outcomes.filter(({ error }) => error !== undefined);
  const bug = failed.find(({ error }) => !(error instanceof CloudimgError));
  if (bug !== undefined) throw bug.error;
  const distinct = failed.filter(({ error }, at) => failed.findIndex((other) => other.error === error) === at);
  const problems = distinct.flatMap(({ title, error }): Problem[] =>
    (error as CloudimgError).problems.map((problem) =>
      outcomes.length === 1 || distinct.length < failed.length
        ? problem
        : { ...problem, message: `${title}: ${problem.message}` },
    ),
  );
  if (problems.length > 0) throw new CloudimgError(problems, { cause: distinct[0]?.error });
}

/** Faults are read before anything is done. Errors: `usage/arguments`. */
async function rehearser({ fault = [] }: PublishOptions): Promise<NonNullable<CloudsPublishing["rehearse"]>> {
  const { readFaults, rehearse } = await import("./rehearsing.ts");
  await readFaults(fault);
  return (name, region, context) => rehearse(name, { region, faults: fault, boot: true }, context);
}
