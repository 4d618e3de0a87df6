import type { Context } from "../../core/context.ts";
import type { ImageState, ImportHandle } from "../cloud.ts";
import type { HuaweiClient } from "./client.ts";
import { changeTags } from "./image-tags.ts";
import { type Job, reasonOf } from "./jobs.ts";
import { isMissing } from "./make-once.ts";
import { haveTags, plainTags, type WireTag } from "./tags.ts";

/** `ImageInfo` of `GET /v2/cloudimages`, of which this is used. */
export interface WireImage {
  readonly id: string;
  readonly name: string;
  readonly status: "queued" | "saving" | "active" | "killed" | "deleted";
  readonly tags?: readonly string[];
  readonly created_at?: string;
  /** GiB */
  readonly min_disk: number;
  readonly __support_arm?: string;
  readonly __description?: string;
}

export interface Wanted {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

const states = {
  queued: "pending",
  saving: "pending",
  active: "available",
  killed: "failed",
  deleted: "failed",
} as const;
const pageLength = 100;

/** All that fit, whatever their state. */
export async function findImages(client: HuaweiClient, wanted: Wanted, context: Context): Promise<ImageState[]> {
  const { id, name, tags } = wanted;
  const images = await listImages(client, { id, name: id === undefined ? name : undefined }, context);
  return images.map((image) => stateOf(image, client.region, tags)).filter((image) => fits(image, wanted));
}

/** Tags are compared here, not there: only so are the ones found that a copy carries in its description until it has tags (`carryTags`). */
export function fits({ name, tags }: Pick<ImageState, "name" | "tags">, wanted: Wanted): boolean {
  return (wanted.name === undefined || wanted.name === name) && haveTags(tags, wanted.tags ?? {});
}

export async function listImages(
  client: HuaweiClient,
  { id, name }: { readonly id?: string | undefined; readonly name?: string | undefined },
  context: Context,
): Promise<WireImage[]> {
  const all: WireImage[] = [];
  for (;;) {
    const query = { __imagetype: "private", limit: pageLength, id, name, marker: all.at(-1)?.id };
    const { images } = await client.call<{ images: WireImage[] }>(
      "ims.ListImages",
      { what: "list the images", query },
      context,
    );
    all.push(...images);
    if (images.length < pageLength) return all.filter(({ status }) => status !== "deleted");
  }
}

/** What has become of an import or a copy. Of a copy to another region, the job is known where it was asked for: its id begins with that region. */
export async function findByHandle(
  clientOf: (region: string) => HuaweiClient,
  handle: ImportHandle,
  context: Context,
): Promise<ImageState[]> {
  const client = clientOf(handle.region);
  if (handle.imageId !== undefined) return await settled(client, { id: handle.imageId }, context);
  if (handle.taskId === undefined) return await settled(client, { name: handle.name }, context);
  const [, region = handle.region, jobId = ""] = /^(?:(.+)\/)?([^/]+)$/.exec(handle.taskId) ?? [];
  const call = { what: `look at the import of ${handle.name}`, path: { job_id: jobId } };
  let job: Job;
  try {
    job = await clientOf(region).call<Job>("ims.ShowJob", call, context);
  } catch (error) {
    // Jobs are forgotten after a while, images are not.
    if (isMissing(error)) return await settled(client, { name: handle.name }, context);
    throw error;
  }
  const imageId = region === handle.region ? job.entities?.image_id : undefined;
  const found = await settled(client, imageId === undefined ? { name: handle.name } : { id: imageId }, context);
  if (job.status === "SUCCESS") return found;
  const parts = { name: handle.name, region: handle.region, tags: {}, parts: [], id: imageId ?? "", ...found[0] };
  if (job.status !== "FAIL") return [{ ...parts, state: "pending", percent: job.entities?.process_percent }];
  const { code, reason } = reasonOf(job);
  return [{ ...parts, state: "failed", reason: `${reason} (${code})` }];
}

/** Copies get the tags that came with them. */
async function settled(
  client: HuaweiClient,
  wanted: Pick<Wanted, "id" | "name">,
  context: Context,
): Promise<ImageState[]> {
  const images = await listImages(client, wanted, context);
  for (const image of images) {
    const missing = carriedTags(image).filter((tag) => !image.tags?.includes(tag));
    if (image.status !== "active" || missing.length === 0) continue;
    const tags = missing.map((tag) => ({
      key: tag.slice(0, tag.indexOf("=")),
      value: tag.slice(tag.indexOf("=") + 1),
    }));
    await changeTags(client, image.id, "create", tags, context);
  }
  return images.map((image) => stateOf(image, client.region));
}

function stateOf(image: WireImage, region: string, wantedTags?: Readonly<Record<string, string>>): ImageState {
  const tags = plainTags([...carriedTags(image), ...(image.tags ?? [])], wantedTags);
  return {
    id: image.id,
    region,
    name: image.name,
    state: states[image.status],
    tags,
    createdAt: image.created_at,
    family: tags["cloudimg:family"],
    isDeprecated: tags["cloudimg:deprecated"] !== undefined,
    diskSizeBytes: image.min_disk * 1024 ** 3,
    architecture: image.__support_arm === "true" ? "arm64" : "amd64",
    parts: [],
  };
}

/** A copy cannot be given tags when it is asked for: they travel in its description. */
export function carryTags(text: string, tags: readonly WireTag[]): string {
  return `${text} [${tags.map(({ key, value }) => `${key}=${value}`).join(" ")}]`;
}

function carriedTags(image: WireImage): string[] {
  const carried = /\[([^[\]]*)\]$/.exec(image.__description ?? "")?.[1]?.split(" ") ?? [];
  return carried.every((tag) => /^cloudimg_\w+=/.test(tag)) ? carried : [];
}
