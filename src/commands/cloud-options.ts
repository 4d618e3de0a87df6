import { CloudimgError, fail } from "../core/errors.ts";
import { didYouMean } from "../core/near-names.ts";
import { durationSchema, sizeSchema } from "../profile/quantities.ts";
import type { CloudName } from "../providers/cloud.ts";

/** What every verb that goes to a cloud is told. */
export interface CloudOptions {
  readonly provider: CloudName;
  readonly region?: string;
}

const exampleBuckets: Readonly<Record<CloudName, string>> = {
  tencent: "images-1250000000",
  alibaba: "my-images",
  huawei: "my-images",
};

/** Errors: `usage/arguments`. */
export function needBucket(bucket: string | undefined, cloud: CloudName, what: string): string {
  if (bucket !== undefined && bucket !== "") return bucket;
  return fail("usage/arguments", `cannot ${what}: no bucket is named`, {
    hint: `add --bucket NAME, for example --bucket ${exampleBuckets[cloud]}; it must be in the region that is used`,
  });
}

/** `2h` → milliseconds. Errors: `usage/arguments`. */
export function durationOption(option: string, text: string): number {
  const parsed = durationSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  return fail("usage/arguments", `cannot use ${option} ${text}: it ${parsed.error.issues[0]?.message}`);
}

/** `40GiB` → bytes. Errors: `usage/arguments`. */
export function sizeOption(option: string, text: string): number {
  const parsed = sizeSchema.safeParse(text);
  if (parsed.success && parsed.data > 0) return parsed.data;
  return fail("usage/arguments", `cannot use ${option} ${text}: it must be a size with a unit, like 2GiB`);
}

/** Errors: `cloud/not-found`, with the names that are near. */
export function unknownName(message: string, name: string, known: readonly string[], listing: string): never {
  const some = known.length === 0 ? "there are none" : `${listing} lists them`;
  fail("cloud/not-found", message, { hint: didYouMean(name, known) ?? some });
}

/** The same error with another hint: what helps depends on what was asked for. */
export function withHint(error: unknown, code: string, hint: string): unknown {
  if (!(error instanceof CloudimgError) || error.code !== code) return error;
  return new CloudimgError({ ...error.problems[0], hint }, { cause: error });
}
