import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { ImageChange, ImageService, ImageState, ImportHandle, ImportRequest } from "../cloud.ts";
import type { EcsApi, Fields } from "./api.ts";
import { removeImage } from "./image-removal.ts";
import { findImages } from "./image-state.ts";
import { clientToken, gibibytes, toTags } from "./values.ts";
import { vendorCodeOf } from "./vendor-error.ts";

export interface ImportOptions {
  /** A role other than the usual one, by which the service reads the bucket. */
  readonly roleName?: string | undefined;
}

export function imageService(api: EcsApi, options: ImportOptions): ImageService {
  return {
    import: (request, context) => importImage(api, request, options, context),
    copy: (image, region, request, context) => copyImage(api, image, region, request, context),
    find: (wanted, context) => findImages(api, wanted, context),
    change: (image, change, context) => changeImage(api, image, change, context),
    remove: (image, context, how) => removeImage(api, image, context, how),
  };
}

/** The references of the parameter disagree: 1 to 2048 GiB, or 5 to 500. It may be more than the image has. */
const leastDiskGib = 5;

/** Between 2 and 256 characters, and no link at the beginning. Undefined: there is none. */
function descriptionOf(text: string): string | undefined {
  const plain = text.trim().replace(/^(https?:\/\/)+/i, "");
  return plain.length < 2 ? undefined : plain.slice(0, 256);
}

const formats: Readonly<Record<string, string>> = { qcow2: "QCOW2", vhd: "VHD", raw: "RAW" };
const architectures = { amd64: "x86_64", arm64: "arm64" } as const;

/** `ImportImage`. `Others Linux` leaves the image as it is; a `Customized Linux` would be written into. Errors: `cloud/refused` for what it cannot take. */
export function importFields(
  request: Omit<ImportRequest, "token" | "url">,
  region: string,
  { roleName }: ImportOptions,
): Fields<"ImportImage"> {
  const { name, architecture, firmware } = request;
  const cannot = (reason: string, hint: string): never =>
    fail("cloud/refused", `cannot import ${name} into Alibaba Cloud: ${reason}`, { hint });
  if (architecture === "riscv64") return cannot("it has no machines with RISC-V", "build for amd64 or arm64");
  if (architecture === "arm64" && firmware === "bios")
    return cannot("its Arm machines boot by UEFI only", "build with a firmware that is not BIOS alone");
  const format = formats[request.format];
  if (format === undefined)
    return cannot(`it does not read ${request.format}`, `use ${Object.keys(formats).join(", ")}`);
  return {
    regionId: region,
    imageName: name,
    description: descriptionOf(request.description),
    architecture: architectures[architecture],
    OSType: "linux",
    platform: "Others Linux",
    bootMode: firmware === "uefi" ? "UEFI" : "BIOS",
    diskDeviceMapping: [
      {
        format,
        OSSBucket: request.object.bucket,
        OSSObject: request.object.key,
        diskImageSize: Math.max(leastDiskGib, gibibytes(request.diskSizeBytes)),
      },
    ],
    // Otherwise it does not run on the newer machines, whose disks are NVMe only.
    features: { nvmeSupport: request.hasNvme ? "supported" : "unsupported" },
    roleName,
    tag: toTags(request.tags),
  };
}

async function importImage(
  api: EcsApi,
  request: ImportRequest,
  options: ImportOptions,
  context: Context,
): Promise<ImportHandle> {
  const fields = { ...importFields(request, api.region, options), clientToken: clientToken("import", request.token) };
  const answer = await api.call("ImportImage", fields, `import ${request.name}`, context);
  return { imageId: answer.imageId, taskId: answer.taskId, name: request.name, region: api.region };
}

/** There is no task: the image itself is asked for. Five are copied at once in a region, the others wait. */
async function copyImage(
  api: EcsApi,
  image: ImageState,
  region: string,
  { name, tags, token }: Parameters<ImageService["copy"]>[2],
  context: Context,
): Promise<ImportHandle> {
  const fields = {
    regionId: image.region,
    imageId: image.id,
    destinationRegionId: region,
    destinationImageName: name,
    tag: toTags(tags),
    clientToken: clientToken("copy", token, region),
  };
  const answer = await api.call("CopyImage", fields, `copy ${image.id} to ${region}`, context);
  return { imageId: answer.imageId, name, region };
}

/** Accounts that a call takes. */
const accountsPerCall = 10;

/** Shares with more accounts; none is taken away, but for a deprecated image, which can be shared with nobody. */
async function changeImage(api: EcsApi, image: ImageState, change: ImageChange, context: Context): Promise<void> {
  const which = { regionId: image.region, imageId: image.id };
  const { family, isDeprecated, shareWith = [] } = change;
  if (isDeprecated === true) await unshare(api, image, context);
  if (family !== undefined || isDeprecated !== undefined) {
    const status = isDeprecated === undefined ? undefined : isDeprecated ? "Deprecated" : "Available";
    const what = family === undefined ? `mark ${image.id} as ${status}` : `put ${image.id} into family ${family}`;
    await api.call("ModifyImageAttribute", { ...which, imageFamily: family, status }, what, context);
  }
  for (let at = 0; at < shareWith.length; at += accountsPerCall) {
    const addAccount = shareWith.slice(at, at + accountsPerCall);
    await api.call("ModifyImageSharePermission", { ...which, addAccount }, `share ${image.id}`, context);
  }
}

async function unshare(api: EcsApi, image: Pick<ImageState, "id" | "region">, context: Context): Promise<void> {
  const which = { regionId: image.region, imageId: image.id };
  const what = `look with whom ${image.id} is shared`;
  for (let tries = 0; tries < 50; tries++) {
    // Always the first page: it gets shorter.
    const fields = { ...which, pageSize: accountsPerCall };
    const answer = await api.call("DescribeImageSharePermission", fields, what, context);
    const removeAccount = (answer.accounts?.account ?? []).flatMap(({ aliyunId }) => (aliyunId ? [aliyunId] : []));
    if (removeAccount.length === 0) return;
    try {
      await api.call("ModifyImageSharePermission", { ...which, removeAccount }, `unshare ${image.id}`, context);
    } catch (error) {
      // Somebody else was quicker.
      if (vendorCodeOf(error) !== "InvalidAccount.NotFound") throw error;
    }
  }
}
