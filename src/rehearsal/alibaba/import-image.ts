import { errnoOf } from "../../core/errors.ts";
import { deny } from "./api-error.ts";
import type { ImageFileFacts } from "./image-file.ts";
import type { Parameters } from "./parameters.ts";
import type { EcsState, ImageRecord, TaskRecord } from "./state.ts";

/** The object store that imports read from. */
export interface ImportSource {
  bucket(name: string): { readonly region: string; readonly storageClass?: string | undefined } | undefined;
  /** A file with the object's bytes. Undefined: there is no such object. */
  openObject(bucket: string, key: string): Promise<string | undefined>;
}

export interface ImportHooks {
  readonly source: ImportSource;
  /** Looks into the file. */
  readonly inspect: (path: string) => Promise<ImageFileFacts>;
}

const GiB = 1024 ** 3;
const formats = ["RAW", "VHD", "QCOW2"];

export async function importImage(state: EcsState, parameters: Parameters, hooks: ImportHooks) {
  const region = parameters.must("RegionId");
  if (!state.hasImportRole) {
    const message =
      "ECS service have no right to access your OSS, please attach a role of ECS service to your account.";
    deny(403, "NoSetRoletoECSServiceAcount", message);
  }
  const architecture = oneOf(parameters, "Architecture", ["x86_64", "i386", "arm64"], "InvalidArchitecture.Malformed");
  const bootMode = oneOf(parameters, "BootMode", ["BIOS", "UEFI"], "InvalidParameter.Malformed", 403);
  if (architecture === "arm64" && bootMode !== "UEFI") deny(403, "InvalidParameter.Malformed", "Arm boots by UEFI.");
  const name = checkedName(state, region, parameters.get("ImageName") ?? state.newId("imported"));
  const description = parameters.get("Description") ?? "";
  if ((description !== "" && description.length < 2) || description.length > 256 || /^https?:\/\//.test(description))
    deny(400, "InvalidDescription.Malformed", "The specified Description is not valid.");
  const [disk, ...more] = parameters.list("DiskDeviceMapping");
  if (disk === undefined) deny(403, "MissingParameter.DiskDeviceMapping", "DiskDeviceMapping is not supplied.");
  const format = disk.get("Format") ?? "";
  if (!formats.includes(format)) deny(400, "InvalidFormat.Malformed", "The specified Format is not valid.");
  const diskGib = disk.number("DiskImageSize") ?? 0;
  if (more.length > 16 || diskGib < 5 || diskGib > 2048) deny(400, "InvalidImageSize", "DiskImageSize is not valid.");
  if (ownImages(state, region).length >= state.imageQuota)
    deny(403, "QuotaExceed.Image", "The image quota is used up.");
  const bucket = hooks.source.bucket(disk.get("OSSBucket") ?? "");
  if (bucket === undefined) deny(400, "InvalidOSSBucket.NotFound", "The specified OSS bucket does not exist.");
  if (bucket.region.replace(/^oss-/, "") !== region) {
    deny(400, "InvalidOSSBucket.NotMatched", "The specified OSS bucket is in another region.");
  }
  const [bucketName, key] = [disk.must("OSSBucket"), disk.must("OSSObject")];
  const path = await hooks.source.openObject(bucketName, key);
  if (path === undefined) deny(400, "InvalidOSSObject.NotFound", "The specified OSS object does not exist.");
  if (parameters.flag("DryRun"))
    deny(400, "DryRunOperation", "Request validation has been passed with DryRun flag set.");

  const image: ImageRecord = {
    id: state.newId("m"),
    region,
    name,
    description,
    status: "Creating",
    architecture,
    platform: parameters.get("Platform") ?? "Others Linux",
    bootMode,
    nvme: parameters.get("Features.NvmeSupport") ?? "unsupported",
    tags: parameters.tags(),
    family: "",
    sharedWith: [],
    createdMs: state.clock.now(),
    takesMs: state.delays.importMs,
    diskGib,
    bucket: bucketName,
    key,
    isCopied: false,
  };
  // What is archived has to be restored before anybody reads it.
  const isArchived = /archive/i.test(bucket.storageClass ?? "");
  const looked = isArchived ? Promise.reject(new ArchivedError()) : hooks.inspect(path);
  const task: TaskRecord = {
    id: state.newId("t"),
    region,
    imageId: image.id,
    status: "Processing",
    createdMs: state.clock.now(),
    callOff: state.clock.after(
      state.delays.importMs,
      () => void finishImport(state, image, task, format, path, looked),
    ),
  };
  state.images.set(image.id, image);
  state.tasks.set(task.id, task);
  // Who asks how it goes lets time pass, which may run faster than a file is read.
  await looked.catch(() => {});
  return { ImageId: image.id, TaskId: task.id, RegionId: region };
}

/** The file is really opened: a later failure is one of its contents. */
async function finishImport(
  state: EcsState,
  image: ImageRecord,
  task: TaskRecord,
  format: string,
  path: string,
  looked: Promise<ImageFileFacts>,
): Promise<void> {
  let keptPath = path;
  const problem = await looked.then(
    (facts) => {
      keptPath = facts.keptPath ?? path;
      if (facts.problem !== undefined) return facts.problem;
      if (facts.format !== format) {
        const message = `The format of the image is ${facts.format}, not ${format}.`;
        return { code: "InvalidImageFormat.Malformed", message };
      }
      return facts.virtualSizeBytes > image.diskGib * GiB
        ? { code: "InvalidImageSize", message: "The image is larger than DiskImageSize." }
        : undefined;
    },
    (error: unknown) => ({ code: "ImportImageFailed", message: `The object cannot be read: ${errnoOf(error)}.` }),
  );
  // Called off while the file was read.
  if (task.status !== "Processing") return;
  task.finishedMs = state.clock.now();
  if (problem === undefined) {
    image.status = "Available";
    image.path = keptPath;
    addSnapshot(state, image);
    task.status = "Finished";
  } else {
    image.status = "CreateFailed";
    task.status = "Failed";
    task.error = problem;
  }
}

class ArchivedError extends Error {
  readonly code = "InvalidObjectState";
}

export function addSnapshot(state: EcsState, image: ImageRecord): void {
  const id = state.newId("s");
  const { region, diskGib } = image;
  state.snapshots.set(id, { id, region, imageId: image.id, createdMs: state.clock.now(), diskGib });
  image.snapshotId = id;
}

export function ownImages(state: EcsState, region: string): ImageRecord[] {
  return [...state.images.values()].filter((image) => image.region === region);
}

/** Errors: `InvalidImageName.…` */
export function checkedName(state: EcsState, region: string, name: string): string {
  const isWell = /^\p{L}[\p{L}\p{Nd}:_.-]{1,127}$/u.test(name) && !/^(aliyun|acs:)|https?:\/\//i.test(name);
  if (!isWell) deny(400, "InvalidImageName.Malformed", "The specified ImageName is not valid.");
  if (ownImages(state, region).some((image) => image.name === name)) {
    deny(400, "InvalidImageName.Duplicated", "The specified ImageName is already used.");
  }
  return name;
}

/** Its first choice is the default. */
function oneOf(parameters: Parameters, name: string, choices: readonly string[], code: string, status = 400): string {
  const value = parameters.get(name) ?? (choices[0] as string);
  return choices.includes(value) ? value : deny(status, code, `The specified ${name} is not valid.`);
}
