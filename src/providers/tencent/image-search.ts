import type { Image } from "tencentcloud-sdk-nodejs/tencentcloud/services/cvm/v20170312/cvm_models.js";
import type { Context } from "../../core/context.ts";
import type { ImageService, ImageState } from "../cloud.ts";
import { allPages } from "./pages.ts";
import type { Settings } from "./settings.ts";
import { fromVendorTags, hasTags, tagFilters } from "./tags.ts";

/** `DescribeImages` of the account's own images. It takes ids or filters, never both; its filter by name finds parts of names too. */
export async function findImages(
  { api, region: ownRegion }: Settings,
  wanted: Parameters<ImageService["find"]>[0],
  context: Context,
): Promise<ImageState[]> {
  const { handle, tags = {} } = wanted;
  const region = wanted.region ?? handle?.region ?? ownRegion;
  const name = wanted.name ?? (handle?.imageId === undefined ? handle?.name : undefined);
  const options = { what: `list the images of ${region}`, context, region };
  const filters = [
    { Name: "image-type", Values: ["PRIVATE_IMAGE"] },
    ...(name === undefined ? [] : [{ Name: "image-name", Values: [name] }]),
    ...tagFilters(tags),
  ];
  const chosen = handle?.imageId === undefined ? { Filters: filters } : { ImageIds: [handle.imageId] };
  const images = await allPages(async (Offset, Limit) => {
    return (await api("cvm", "DescribeImages", { ...chosen, Offset, Limit }, options)).ImageSet;
  });
  return images
    .map((image) => imageState(image, region))
    .filter((image) => (name === undefined || image.name === name) && hasTags(image.tags, tags));
}

const tries = 4;
const unseenMs = 2000;

/** An image that must be there: a new one is not listed at once. Undefined if it is not listed after a few seconds either. */
export async function awaitImage(
  settings: Settings,
  wanted: Parameters<ImageService["find"]>[0],
  context: Context,
): Promise<ImageState | undefined> {
  for (let attempt = 1; ; attempt++) {
    const [image] = await findImages(settings, wanted, context);
    if (image !== undefined || attempt === tries) return image;
    await settings.connection.sleep(unseenMs, context.signal);
  }
}

const failedStates = ["IMPORTFAILED", "CREATEFAILED"];

/** No API says why an import failed (document 213/4945): the account's owner gets a message. */
const importReason =
  "Tencent Cloud tells the reason only to the account's owner, by a message: https://console.cloud.tencent.com/message. Before the upload `cloudimg check --for tencent` has looked at format, size, partition table, root, drivers and initializer";

const architectures: Readonly<Record<string, ImageState["architecture"]>> = {
  x86_64: "amd64",
  arm: "arm64",
  arm64: "arm64",
  arm_64: "arm64",
};

function imageState(image: Image, region: string): ImageState {
  const { ImageId = "", ImageName = "", ImageState: state = "", SyncPercent, SnapshotSet } = image;
  return {
    id: ImageId,
    region,
    name: ImageName,
    state: state === "NORMAL" ? "available" : failedStates.includes(state) ? "failed" : "pending",
    percent: state === "SYNCING" ? (SyncPercent ?? undefined) : undefined,
    reason: failedStates.includes(state) ? `${state}: ${importReason}` : undefined,
    tags: fromVendorTags(image.Tags),
    createdAt: image.CreatedTime ?? undefined,
    family: image.ImageFamily || undefined,
    isDeprecated: image.ImageDeprecated ?? undefined,
    diskSizeBytes: image.ImageSize ? image.ImageSize * 1024 ** 3 : undefined,
    architecture: architectures[image.Architecture ?? ""],
    parts: (SnapshotSet ?? []).map(({ SnapshotId = "" }) => ({ kind: "snapshot", id: SnapshotId })),
  };
}
