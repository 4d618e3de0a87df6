import { canonicalDigest } from "../core/canonical-json.ts";
import { type Context, type StepProgress, step } from "../core/context.ts";
import type { Tags } from "./cloud.ts";
import type { Journal } from "./journal.ts";
import type { BuiltImage } from "./provider.ts";
import type { ImagePublishRequest, ImportRunRequest, RunRequest } from "./publish-cloud-request.ts";

/** One publish at work, or a part of one: what its parts share. */
export interface CloudRun<Request extends RunRequest = ImagePublishRequest> {
  readonly request: Request;
  readonly journal: Journal;
  readonly context: Context;
  readonly tags: Tags;
  /** Of the instance and of what belongs to it. */
  readonly instanceName: string;
}

/** How long a cloud may take to show what it has made: until then, not seen does not mean not there. */
export const settleMs = 60_000;

/** Does a step of a run, shown and recorded; one that is recorded already is shown as such. Results are JSON. */
export async function recorded<T>(
  { journal, context }: Pick<CloudRun<RunRequest>, "journal" | "context">,
  { id, title, inputs }: { readonly id: string; readonly title: string; readonly inputs: unknown },
  work: (progress: StepProgress) => Promise<T>,
): Promise<T> {
  return await step(context, id, title, async (progress) => {
    if (journal.result(id, inputs) !== undefined) progress.cached();
    return await journal.step(id, inputs, () => work(progress));
  });
}

/**
 * The tags of a run. Their values obey the strictest cloud's rule (Huawei: 43 letters, digits, `-`, `_`), so the image's digest is cut.
 */
export function tagsOf(
  runId: string,
  { image, profile }: { readonly image: Pick<BuiltImage, "identity">; readonly profile: string },
): Tags {
  return {
    "cloudimg:run": runId,
    "cloudimg:image": image.identity.slice(0, 32),
    "cloudimg:profile": profileTag(profile),
  };
}

export function profileTag(profile: string): string {
  return profile.replace(/[^\w-]/g, "-").slice(0, 43);
}

/** What makes two imports of an image two images. */
export function importInputs({ image, profile, configuration }: ImportRunRequest): string {
  const { architecture, firmware, hasNvme } = configuration;
  return canonicalDigest([image.identity, image.format, profile, architecture, firmware, hasNvme]);
}

/** `web-5f0c2a91b3d4`: at most 53 characters that start with a letter, as every cloud takes them; the same image has the same name. */
export function cloudImageName(request: ImportRunRequest): string {
  if (request.imageName !== undefined) return request.imageName;
  const words = request.profile.replace(/[^\w-]/g, "-").slice(0, 40);
  const name = /^[a-z]/i.test(words) && !/^aliyun/i.test(words) ? words : `i${words}`.slice(0, 40);
  return `${name}-${importInputs(request).slice(0, 12)}`;
}
