import type { Context } from "../../core/context.ts";
import { CloudimgError, fail } from "../../core/errors.ts";
import type { ImageState, ImportHandle, Tags } from "../cloud.ts";
import { removeImage } from "./image-removal.ts";
import { awaitImage, findImages } from "./image-search.ts";
import type { Settings } from "./settings.ts";
import { hasTags, toVendorTags } from "./tags.ts";

/**
 * `SyncImages`, which knows neither tags nor tokens: the copy is tagged afterwards. One of that name is taken as made if it has the tags of this run, or if it can be nothing
 * but a copy that a killed run could not tag any more.
 * Errors: `cloud/name-taken` if another image of the region has the name.
 */
export async function copyImage(
  settings: Settings,
  image: ImageState,
  region: string,
  { name, tags }: { readonly name: string; readonly tags: Tags },
  context: Context,
): Promise<ImportHandle> {
  const what = `copy the image ${image.id} to ${region}`;
  const [earlier] = await findImages(settings, { region, name }, context);
  if (earlier !== undefined && hasTags(earlier.tags, tags)) {
    if (earlier.state !== "failed") return { imageId: earlier.id, name, region };
    await removeImage(settings, earlier.id, region, context);
  } else if (earlier !== undefined && isUntaggedCopy(earlier, image)) {
    await tagImage(settings, earlier.id, region, tags, context);
    return { imageId: earlier.id, name, region };
  } else if (earlier !== undefined) {
    fail("cloud/name-taken", `cannot ${what}: the image ${earlier.id} there has the name ${name}`, {
      hint: "remove it if it is what an interrupted run has left; else choose another name",
    });
  }
  const found = await askForCopy(settings, image, region, name, what, context);
  if (found === undefined) return { name, region };
  await tagImage(settings, found, region, tags, context);
  return { imageId: found, name, region };
}

/** Nobody's by its tags, newer than the image that it would be of, and as large. */
function isUntaggedCopy(copy: ImageState, image: ImageState): boolean {
  const [madeAt, imageMadeAt] = [copy.createdAt, image.createdAt].map((text) => Date.parse(text ?? ""));
  const isNobodys = !Object.keys(copy.tags).some((key) => key.startsWith("cloudimg:"));
  const isNewer = madeAt !== undefined && imageMadeAt !== undefined && madeAt >= imageMadeAt;
  return isNobodys && isNewer && copy.state !== "failed" && copy.diskSizeBytes === image.diskSizeBytes;
}

/** The copy's id. If the answer was lost, or does not tell it: an image of that name that was not there before. */
async function askForCopy(
  settings: Settings,
  image: ImageState,
  region: string,
  name: string,
  what: string,
  context: Context,
): Promise<string | undefined> {
  const request = { ImageIds: [image.id], DestinationRegions: [region], ImageName: name, ImageSetRequired: true };
  const listed = async () => (await awaitImage(settings, { region, name }, context))?.id;
  try {
    const { ImageSet } = await settings.api("cvm", "SyncImages", request, {
      what,
      context,
      region: image.region,
      once: true,
    });
    return ImageSet?.find(({ Region }) => Region === region)?.ImageId ?? (await listed());
  } catch (error) {
    if (!(error instanceof CloudimgError) || error.code !== "cloud/unreachable") throw error;
    const id = await listed();
    if (id === undefined) throw error;
    return id;
  }
}

/**
 * Tags belong to a service of their own, which names resources in six parts (document 598/10606). The copy is there, and must not be lost because it gets no tags:
 * that is a warning.
 */
async function tagImage({ api }: Settings, id: string, region: string, tags: Tags, context: Context): Promise<void> {
  const what = `tag the image ${id}`;
  const warn = (message: string) =>
    context.emit({ type: "log", level: "warning", message, hint: "without tags cloudimg clean does not find it" });
  try {
    const { OwnerUin } = await api("cam", "GetUserAppId", null, { what, context });
    const request = {
      ResourceList: [`qcs::cvm:${region}:uin/${OwnerUin}:image/${id}`],
      Tags: toVendorTags(tags).map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value })),
    };
    const { FailedResources = [] } = await api("tag", "TagResources", request, { what, context });
    for (const { Code, Message } of FailedResources) warn(`cannot ${what}: Tencent Cloud says ${Code}: ${Message}`);
  } catch (error) {
    if (!(error instanceof CloudimgError)) throw error;
    warn(error.message);
  }
}
