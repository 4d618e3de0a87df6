import { type Answer, type Call, deny, type Fields, fieldsOf, listOf, ok, textOf } from "./call.ts";
import { osVersions } from "./catalogue.ts";
import { startJob } from "./jobs.ts";
import type { ImageRecord, JobRecord } from "./records.ts";
import { type ExaminedFile, type HuaweiWorld, inRegion } from "./world.ts";

const GiB = 1024 ** 3;
const mostMinDisk = 1024;
const mostFileBytes = 128 * GiB;
const formats = ["vmdk", "vhd", "qcow2", "raw", "vhdx", "qed", "vdi", "qcow", "zvhd2", "zvhd"];

/** `POST /v2/cloudimages/action` */
export async function importImage({ world, region, body }: Call): Promise<Answer> {
  const name = checkedName(world, region, body["name"]);
  const description = textOf(body["description"]) ?? "";
  if (description.length > 1024 || /[\r\n<>]/.test(description)) deny("IMG.0001", "The description is not valid.");
  const minDisk = Number(body["min_disk"]);
  if (!Number.isInteger(minDisk) || minDisk < world.leastMinDisk || minDisk > mostMinDisk)
    deny("IMG.0055", `min_disk must be between ${world.leastMinDisk} and ${mostMinDisk}.`);
  const firmware = body["hw_firmware_type"] ?? "bios";
  if (firmware !== "bios" && firmware !== "uefi") deny("IMG.0141", "hw_firmware_type must be bios or uefi.");
  const architecture = body["architecture"] ?? "x86";
  if ((architecture !== "x86" && architecture !== "arm") || (architecture === "arm" && firmware === "bios"))
    deny("IMG.0141", "The architecture is not supported with that firmware.");
  const osVersion = textOf(body["os_version"]) ?? "Other Linux(64 bit)";
  if (!osVersions.some((known) => known.osVersion === osVersion)) deny("IMG.0056", "The os_version is not supported.");
  const [bucket = "", ...rest] = (textOf(body["image_url"]) ?? "").split(":");
  const key = rest.join(":");
  if (bucket === "") deny("IMG.0068", "The bucket name is empty.");
  if (key.includes(" ")) deny("IMG.0175", "The image file's name must not contain spaces.");
  const facts = world.source.bucket(bucket);
  if (facts === undefined) deny("IMG.0069", "The bucket cannot be accessed.");
  if (facts.region !== region) deny("IMG.0058", "The bucket is in another region.");
  if ((facts.storageClass ?? "STANDARD") !== "STANDARD") deny("IMG.0069", "The bucket is not of the Standard class.");
  const path = await world.source.openObject(bucket, key);
  if (path === undefined) deny("IMG.0057", "The image file does not exist or cannot be read.");
  const found = await world.examine(path);
  if (found.fileSizeBytes === 0) deny("IMG.0057", "The image file is empty.");
  if (found.fileSizeBytes > mostFileBytes) deny("IMG.0059", "The image file is larger than 128 GB.");
  const image = addImage(world, {
    region,
    name,
    minDiskGib: minDisk,
    firmware,
    architecture,
    osVersion,
    description,
    tags: tagsOf(body),
    sizeBytes: found.fileSizeBytes,
    path: found.keptPath ?? path,
  });
  const job = startJob(world, { ...jobOf(image), type: "imsImportImageJob", takesMs: world.delays.importMs }, () =>
    finish(world, image, problemOf(found, minDisk)),
  );
  return ok({ job_id: job.id });
}

/** What the file itself is judged by, when it has been read. */
function problemOf({ format, virtualSizeBytes, problem }: ExaminedFile, minDisk: number): JobRecord["failure"] {
  if (problem !== undefined) return problem;
  if (!formats.includes(format)) return { code: "IMG.0057", reason: "The format of the image file is not supported." };
  if (virtualSizeBytes > minDisk * GiB) return { code: "IMG.0055", reason: "The system disk is larger than min_disk." };
  return undefined;
}

export function checkedName(world: HuaweiWorld, region: string, value: unknown): string {
  const name = textOf(value) ?? "";
  if (!/^[\p{L}\p{Nd}][\p{L}\p{Nd} _.-]{0,127}$/u.test(name) || name.endsWith(" "))
    deny("IMG.0010", "The image name is not valid.");
  const images = inRegion(world.images.values(), region);
  if (images.some((image) => image.name === name)) deny("IMG.0009", "The image name already exists.");
  if (images.length >= world.quotas.images) deny("IMG.0015", "The quota of private images is used up.");
  const running = inRegion(world.jobs.values(), region).filter(
    ({ service, endMs }) => service === "ims" && endMs === undefined,
  );
  if (running.length >= world.quotas.imageJobs) deny("IMG.0060", "Too many jobs are running. Try again later.");
  return name;
}

export function addImage(
  world: HuaweiWorld,
  image: Omit<ImageRecord, "id" | "status" | "sharedWith" | "createdMs" | "activeMs">,
): ImageRecord {
  const times = { createdMs: world.clock.now(), activeMs: undefined };
  const record: ImageRecord = { ...image, id: world.newId(), status: "queued", sharedWith: [], ...times };
  world.images.set(record.id, record);
  return record;
}

export function jobOf({ region, id, name }: ImageRecord) {
  return { service: "ims", region, imageId: id, imageName: name } as const;
}

/** What failed is not listed any more: the job alone tells of it. */
export function finish(world: HuaweiWorld, image: ImageRecord, failure: JobRecord["failure"]): JobRecord["failure"] {
  if (!world.images.has(image.id)) return { code: "IMG.0027", reason: "The image was deleted." };
  if (failure !== undefined) {
    world.images.delete(image.id);
    return failure;
  }
  image.status = "active";
  image.activeMs = world.clock.now();
  return undefined;
}

function tagsOf(body: Fields): Map<string, string> {
  return new Map(listOf(body["image_tags"]).map((entry) => checkedTag(fieldsOf(entry))));
}

/** By the narrower rules, those of ECS. */
export function checkedTag({ key, value }: Fields, code = "IMG.0001"): [string, string] {
  const isGood =
    typeof key === "string" &&
    typeof value === "string" &&
    /^[\w\u4e00-\u9fff-]{1,36}$/.test(key) &&
    /^[\w\u4e00-\u9fff.-]{0,43}$/.test(value);
  return isGood ? [key, value] : deny(code, "A tag is not valid.");
}
