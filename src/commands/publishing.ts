import { dirname, join } from "node:path";
import type { Context } from "../core/context.ts";
import { CloudimgError, fail, type Problem } from "../core/errors.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutput } from "../core/output.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { CloudName } from "../providers/cloud.ts";
import type { PublishFacts } from "../report/publish-facts.ts";
import { buildProfile } from "./building.ts";
import type { Built } from "./built.ts";
import type { Invocation } from "./command.ts";
import type { PublishOptions } from "./publish-options.ts";
import type { CloudOutcome, CloudsPublishing } from "./publishing-clouds.ts";
import { type LocalPublished, localFacts, publishLocally } from "./publishing-local.ts";
import { recordSteps } from "./publishing-steps.ts";

type Result = Invocation["result"];

/**
 * Publishes a profile to wherever it says, or the command line does. What each place came to is told; what failed is thrown in the end.
 *
 * Errors: those of the build; `profile/invalid`, `cloud/…`, `check/…`.
 */
export async function publishProfile(
  loaded: LoadedProfile,
  options: PublishOptions,
  result: Result,
  context: Context,
): Promise<void> {
  const wanted = [...new Set([options.provider ?? loaded.profile.provider.name].flat())];
  const isLocal = wanted.includes("local");
  const names = wanted.filter((name) => name !== "local");
  if (names.length > 0) return await publishEverywhere({ loaded, options, isLocal, names }, result, context);
  checkLocalOptions(options);
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const recorder = recordSteps(context, startedMs);
  const build = () => buildProfile(loaded, options, recorder.context);
  const report = await publishLocally(loaded, build, options.keep === true, recorder.context);
  if (options.report !== undefined) {
    const local = localFacts({ report, error: undefined, steps: recorder.steps() }, context);
    const durationMs = performance.now() - startedMs;
    const facts = { profile: loaded.path, isRehearsal: false, startedAt, durationMs, steps: [], clouds: [local] };
    await writeReport(facts, options.report);
  }
  const { describeImage } = await import("../report/image.ts");
  const { describePublish } = await import("../report/publish.ts");
  const image = `Image\n${describeImage(report.built)}\n\n`;
  result(`${image}${describePublish(report, report.keyPath)}`, report);
}

interface Everywhere {
  readonly loaded: LoadedProfile;
  readonly options: PublishOptions;
  readonly isLocal: boolean;
  readonly names: readonly CloudName[];
}

/** To clouds, and to this machine besides if that is wanted: built once. */
async function publishEverywhere(
  { loaded, options, isLocal, names }: Everywhere,
  result: Result,
  context: Context,
): Promise<void> {
  const { region, bucket } = options;
  const { profile } = loaded;
  checkCloudOptions(options, isLocal);
  const { checkWishes, formatsFor, publishToClouds } = await import("./publishing-clouds.ts");
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
  const file = options.report ?? join(options.output ?? "out", `${profile.image.name}-publish.html`);
  makeDirectory(dirname(file), reportHint);
  const toClouds = () => publishToClouds(wish, context);
  const toLocal = async () => (isLocal ? await localOutcome(wish, options.keep === true, context) : undefined);
  const [clouds, local] =
    rehearse === undefined ? await Promise.all([toClouds(), toLocal()]) : [await toClouds(), await toLocal()];
  const { uploadFormat } = await import("../providers/cloud-configuration.ts");
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

function checkLocalOptions({ rehearse, fault, region, bucket }: PublishOptions): void {
  const given = { rehearse, fault, region, bucket };
  const [wrong] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (wrong !== undefined)
    fail("usage/arguments", `cannot use --${wrong}: the image is published to this machine only`, {
      hint: "name a cloud: --provider tencent, alibaba or huawei",
    });
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

function imageFacts(built: Built, format: string): NonNullable<PublishFacts["image"]> {
  const { name, identity, diskSizeBytes, files } = built;
  const path = files.find((file) => file.format === format)?.path ?? files[0]?.path ?? "";
  return { name, path, format, identity, diskSizeBytes };
}

const reportHint = { hint: "name another file with --report" };

/** Of a publish that was interrupted too. Errors: `host/not-writable`, `host/no-space`. */
async function writeReport(facts: PublishFacts, path: string): Promise<void> {
  const { publishPage } = await import("../report/publish-page.ts");
  makeDirectory(dirname(path), reportHint);
  const page = Buffer.from(publishPage(facts));
  await writeOutput(path, { signal: new AbortController().signal }, (fd) => writeAt(fd, page, 0));
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
