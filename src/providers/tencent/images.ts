import type { Context } from "../../core/context.ts";
import { CloudimgError } from "../../core/errors.ts";
import type { ImageChange, ImageService, ImageState, ImportHandle, ImportRequest, Tags } from "../cloud.ts";
import { copyImage } from "./image-copy.ts";
import { removeImage } from "./image-removal.ts";
import { awaitImage, findImages } from "./image-search.ts";
import { chooseSystem, vendorArchitecture } from "./operating-system.ts";
import type { Settings } from "./settings.ts";
import { hasTags, toVendorTags } from "./tags.ts";
import { vendorCodeOf } from "./vendor-error.ts";

export function tencentImages(settings: Settings): ImageService {
  return {
    import: (request, context) => importImage(settings, request, context),
    copy: (image, region, request, context) => copyImage(settings, image, region, request, context),
    find: (wanted, context) => findImages(settings, wanted, context),
    change: (image, change, context) => changeImage(settings, image, change, context),
    remove: (image, context, how) => removeImage(settings, image.id, image.region, context, how),
  };
}

const importTries = 4;
/** What was asked for may not be listed at once; and a link that is signed later is another one. */
const againMs = 3000;

/**
 * `ImportImage`. There is no token by which a second try would be recognised, but names are unique: if the name is taken by an image with our tags, an earlier try got
 * through. A signed link can be visited once (document 213/4945), so no request is sent twice with the same. Errors: those of the import; `cloud/name-taken`.
 */
async function importImage(settings: Settings, request: ImportRequest, context: Context): Promise<ImportHandle> {
  const { api, region, connection } = settings;
  const { name, tags } = request;
  const architecture = vendorArchitecture(request.architecture);
  const what = `import the image ${name}`;
  const supported = await api("cvm", "DescribeImportImageOs", null, { what, context });
  const body = {
    Architecture: architecture,
    ...chooseSystem(supported, architecture),
    ImageName: name,
    ImageDescription: request.description.slice(0, 256),
    // Without it the import looks for a cloud-init of its own kind. Our guests read its config drive by themselves.
    Force: true,
    BootMode: request.firmware === "uefi" ? "UEFI" : "Legacy BIOS",
    TagSpecification: [{ ResourceType: "image", Tags: toVendorTags(tags) }],
  };
  const handle = (imageId?: string): ImportHandle => ({ name, region, ...(imageId === undefined ? {} : { imageId }) });
  for (let attempt = 1; ; attempt++) {
    try {
      const ImageUrl = await linkOf(settings, request);
      const { ImageId } = await api("cvm", "ImportImage", { ...body, ImageUrl }, { what, context, once: true });
      // Older regions do not tell it: then the name has to do.
      return handle(ImageId ?? (await awaitImage(settings, { name, tags }, context))?.id);
    } catch (error) {
      const code = error instanceof CloudimgError ? error.code : undefined;
      const mayPass = code === "cloud/unreachable" && attempt < importTries;
      if (code !== "cloud/name-taken" && !mayPass) throw error;
      if (mayPass) await connection.sleep(againMs * attempt, context.signal);
      const earlier = await earlierTry(settings, name, tags, context);
      if (earlier === undefined && mayPass) continue;
      if (earlier === undefined) throw error;
      if (earlier.state !== "failed") return handle(earlier.id);
      // What failed stays listed, and keeps its name.
      if (attempt > 1) throw error;
      await removeImage(settings, earlier.id, region, context);
    }
  }
}

async function linkOf(settings: Settings, { url, object }: ImportRequest): Promise<string> {
  if (typeof url === "function") return await url();
  return url ?? objectUrl(settings, object.key);
}

async function earlierTry(settings: Settings, name: string, tags: Tags, context: Context) {
  const image = await awaitImage(settings, { name }, context);
  const ours = { "cloudimg:image": tags["cloudimg:image"], "cloudimg:run": tags["cloudimg:run"] };
  return image !== undefined && hasTags(image.tags, ours) ? image : undefined;
}

/** Where the object is if it may be read by all. COS knows its buckets by host name only. */
export function objectUrl({ bucket, region }: Pick<Settings, "bucket" | "region">, key: string): string {
  return `https://${bucket}.cos.${region}.myqcloud.com/${key.split("/").map(encodeURIComponent).join("/")}`;
}

async function changeImage({ api }: Settings, image: ImageState, change: ImageChange, context: Context): Promise<void> {
  const { id, region } = image;
  const { family, isDeprecated, shareWith = [] } = change;
  const options = { what: `change the image ${id}`, context, region };
  if (family !== undefined || isDeprecated !== undefined) {
    const attributes = {
      ...(family === undefined ? {} : { ImageFamily: family }),
      ...(isDeprecated === undefined ? {} : { ImageDeprecated: isDeprecated }),
    };
    await api("cvm", "ModifyImageAttribute", { ImageId: id, ...attributes }, options);
  }
  // One by one: with an account that has the image already the whole request is refused.
  for (const account of shareWith) {
    const share = { ImageId: id, Permission: "SHARE", AccountIds: [account] };
    const what = `share the image ${id} with ${account}`;
    await api("cvm", "ModifyImageSharePermission", share, { ...options, what }).catch((error: unknown) => {
      if (vendorCodeOf(error) !== "FailedOperation.AccountAlreadyExists") throw error;
    });
  }
}
