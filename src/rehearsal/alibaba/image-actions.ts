import { isoSeconds } from "../clock.ts";
import { deny } from "./api-error.ts";
import { addSnapshot, checkedName, ownImages } from "./import-image.ts";
import { hasTags, type Parameters, page, tagSet } from "./parameters.ts";
import { type EcsState, type ImageRecord, isVisible } from "./state.ts";

export function describeImages(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  // Everything else stays unseen unless it is asked for.
  const statuses = (parameters.get("Status") ?? "Available").split(",");
  const [id, name, family] = ["ImageId", "ImageName", "ImageFamily"].map((field) => parameters.get(field));
  const images = ownImages(state, region)
    .filter((image) => isVisible(state, image) && statuses.includes(image.status))
    .filter((image) => id === undefined || id.split(",").includes(image.id))
    .filter((image) => name === undefined || image.name === name)
    .filter((image) => family === undefined || image.family === family)
    .filter((image) => hasTags(image.tags, parameters.tags()));
  const { items, fields } = page(parameters, images);
  return { RegionId: region, ...fields, Images: { Image: items.map((image) => imageFields(state, image)) } };
}

function imageFields(state: EcsState, image: ImageRecord) {
  const isMade = image.status === "Available" || image.status === "Deprecated";
  const part = (state.clock.now() - image.createdMs) / image.takesMs;
  const progress = isMade ? "100%" : `${Math.min(99, Math.floor(part * 100))}%`;
  const disk = {
    Device: "/dev/xvda",
    Type: "system",
    Format: "",
    Size: String(image.diskGib),
    Progress: progress,
    RemainTime: isMade ? 0 : Math.max(0, Math.ceil((1 - part) * (image.takesMs / 1000))),
    SnapshotId: image.snapshotId ?? "",
    ImportOSSBucket: image.bucket ?? "",
    ImportOSSObject: image.key ?? "",
  };
  return {
    ImageId: image.id,
    ImageName: image.name,
    Description: image.description,
    Status: image.status,
    Progress: progress,
    Size: image.diskGib,
    Architecture: image.architecture,
    Platform: image.platform,
    OSType: "linux",
    BootMode: image.bootMode,
    Features: { NvmeSupport: image.nvme },
    ImageFamily: image.family,
    ImageOwnerAlias: "self",
    IsCopied: image.isCopied,
    IsSelfShared: String(image.sharedWith.length > 0),
    CreationTime: isoSeconds(image.createdMs),
    DiskDeviceMappings: { DiskDeviceMapping: [disk] },
    Tags: tagSet(image.tags),
  };
}

/** Errors: `InvalidImageId.NotFound` */
function mustImage(state: EcsState, parameters: Parameters): ImageRecord {
  const image = state.images.get(parameters.must("ImageId"));
  if (image === undefined || image.region !== parameters.must("RegionId")) {
    return deny(404, "InvalidImageId.NotFound", "The specified ImageId does not exist.");
  }
  return image;
}

export function copyImage(state: EcsState, parameters: Parameters) {
  const source = mustImage(state, parameters);
  const region = parameters.get("DestinationRegionId") ?? "";
  if (state.regions[region] === undefined) deny(400, "DestinationRegion.NotFound", "There is no such region.");
  if (region === source.region) deny(403, "IncorrectDestinationRegion", "The destination must be another region.");
  if (source.status !== "Available") deny(400, "IncorrectImageStatus", "The image is not available.");
  const image: ImageRecord = {
    ...source,
    id: state.newId("m"),
    region,
    name: checkedName(state, region, parameters.get("DestinationImageName") ?? source.name),
    status: "Creating",
    tags: parameters.tags(),
    sharedWith: [],
    family: "",
    createdMs: state.clock.now(),
    takesMs: state.delays.copyMs,
    isCopied: true,
    snapshotId: undefined,
  };
  state.images.set(image.id, image);
  state.clock.after(state.delays.copyMs, () => {
    if (!state.images.has(image.id)) return;
    image.status = "Available";
    addSnapshot(state, image);
  });
  return { ImageId: image.id };
}

export function cancelCopyImage(state: EcsState, parameters: Parameters) {
  const image = mustImage(state, parameters);
  if (!image.isCopied) deny(400, "ImageCreatedNotFromCopy", "The image was not made by copying.");
  if (image.status !== "Creating") deny(400, "IncorrectImageStatus", "The image is not being copied.");
  state.images.delete(image.id);
  return {};
}

export function modifyImageAttribute(state: EcsState, parameters: Parameters) {
  const image = mustImage(state, parameters);
  const status = parameters.get("Status");
  if (status !== undefined && status !== "Deprecated" && status !== "Available") {
    deny(400, "InvalidParameter", "The specified Status is not valid.");
  }
  // Not in the vendor's table, which is older; its text says that it must be unshared first.
  if (status === "Deprecated" && image.sharedWith.length > 0) {
    deny(400, "InvalidParameter", "A shared image cannot be deprecated.");
  }
  if (status !== undefined && image.status !== "Available" && image.status !== "Deprecated") {
    deny(400, "InvalidParameter", "The image is not available.");
  }
  image.family = parameters.get("ImageFamily") ?? image.family;
  image.nvme = parameters.get("Features.NvmeSupport") ?? image.nvme;
  image.status = (status as ImageRecord["status"] | undefined) ?? image.status;
  return {};
}

const mostSharedAtOnce = 10;
const mostShared = 50;

export function modifyImageSharePermission(state: EcsState, parameters: Parameters) {
  const image = mustImage(state, parameters);
  const [add, remove] = [parameters.strings("AddAccount"), parameters.strings("RemoveAccount")];
  if (image.status !== "Available") deny(400, "IncorrectImageStatus", "The image is not available.");
  if (add.length > mostSharedAtOnce || remove.length > mostSharedAtOnce) {
    deny(403, "QuotaExceed.ShareImage", "At most ten accounts in a call.");
  }
  if (add.some((id) => !/^\d+$/.test(id))) deny(404, "InvalidAccount.NotFound", "The account does not exist.");
  const shared = new Set([...image.sharedWith, ...add].filter((id) => !remove.includes(id)));
  if (shared.size > mostShared) deny(403, "QuotaExceed.ShareImageUser", "At most fifty accounts in all.");
  image.sharedWith.splice(0, image.sharedWith.length, ...shared);
  return {};
}

export function describeImageSharePermission(state: EcsState, parameters: Parameters) {
  const image = mustImage(state, parameters);
  const { items, fields } = page(parameters, image.sharedWith);
  const Account = items.map((AliyunId) => ({ AliyunId }));
  return { RegionId: image.region, ImageId: image.id, ...fields, Accounts: { Account } };
}

export function deleteImage(state: EcsState, parameters: Parameters) {
  const image = mustImage(state, parameters);
  const isForced = parameters.flag("Force");
  if (image.status === "Creating") {
    deny(403, image.isCopied ? "ImageIsCreating" : "ImageIsImporting", "The image is being made.");
  }
  const isSource = [...state.images.values()].some(
    ({ isCopied, status, name }) => isCopied && status === "Creating" && name === image.name,
  );
  if (isSource) deny(403, "OperationDenied.ImageCopying", "The image is being copied.");
  if (image.sharedWith.length > 0 && !isForced) deny(403, "ImageUseShared", "The image is shared.");
  const isUsed = [...state.instances.values()].some(({ order }) => order.image.id === image.id);
  if (isUsed && !isForced) deny(403, "ImageUsingByInstance", "An instance uses the image.");
  state.images.delete(image.id);
  return {};
}

export function deleteSnapshot(state: EcsState, parameters: Parameters) {
  const snapshot = state.snapshots.get(parameters.must("SnapshotId"));
  if (snapshot === undefined) return deny(404, "InvalidSnapshotId.NotFound", "There is no such snapshot.");
  if (state.images.has(snapshot.imageId)) deny(403, "SnapshotCreatedImage", "An image uses the snapshot.");
  state.snapshots.delete(snapshot.id);
  return {};
}
