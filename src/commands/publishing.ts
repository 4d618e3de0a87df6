import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { buildProfile } from "./building.ts";
import type { Invocation } from "./command.ts";
import type { PublishOptions } from "./publish-options.ts";
import { localFacts, publishLocally } from "./publishing-local.ts";
import { placeOfReport, writeReport } from "./publishing-report.ts";
import { recordSteps } from "./publishing-steps.ts";

/**
 * Publishes a profile to wherever it says, or the command line does. What each place came to is told; what failed is thrown in the end.
 *
 * Errors: those of the build; `profile/invalid`, `cloud/…`, `check/…`.
 */
export async function publishProfile(
  loaded: LoadedProfile,
  options: PublishOptions,
  result: Invocation["result"],
  context: Context,
): Promise<void> {
  const named = options.provider ?? [];
  const twice = named.find((name, at) => named.indexOf(name) < at);
  if (twice !== undefined)
    fail("usage/arguments", `cannot publish to ${twice} twice`, {
      hint: `if the second is the profile's name, put it first: cloudimg publish ${twice} --provider ${twice}`,
    });
  const wanted = [...new Set([options.provider ?? loaded.profile.provider.name].flat())];
  const isLocal = wanted.includes("local");
  const names = wanted.filter((name) => name !== "local");
  if (names.length > 0) {
    const { publishEverywhere } = await import("./publishing-everywhere.ts");
    return await publishEverywhere({ loaded, options, isLocal, names }, result, context);
  }
  checkLocalOptions(options);
  if (options.report !== undefined) placeOfReport(options, loaded.profile.image.name);
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

function checkLocalOptions({ rehearse, fault, region, bucket }: PublishOptions): void {
  const given = { rehearse, fault, region, bucket };
  const [wrong] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (wrong !== undefined)
    fail("usage/arguments", `cannot use --${wrong}: the image is published to this machine only`, {
      hint: "name a cloud: --provider tencent, alibaba or huawei",
    });
}
