import { isoSeconds } from "../clock.ts";
import { type Action, type Input, isMatch, objectsOf, pageOf, ServiceError, textOf, textsOf } from "./action.ts";
import { requireFreeName, requireQuota } from "./import-actions.ts";
import type { ImageRecord } from "./records.ts";
import { isSeen, removeFrom, type TencentWorld } from "./world.ts";

export const imageActions: Readonly<Record<string, Action>> = {
  DescribeImages: {
    optional: ["ImageIds", "Filters", "Offset", "Limit", "InstanceType"],
    run(input, world, region) {
      const ids = textsOf(input, "ImageIds");
      const filters = objectsOf(input, "Filters");
      if (ids.length > 0 && filters.length > 0)
        throw new ServiceError(
          "InvalidParameter.InvalidParameterCoexistImageIdsFilters",
          "ImageIds and Filters conflict.",
        );
      for (const id of ids) requireImageId(id);
      const found = world.images.filter(
        (image) =>
          image.region === region &&
          isSeen(image, world) &&
          (ids.length === 0 || ids.includes(image.id)) &&
          isMatch(filters, filterable(image), image.tags, ["image-name", "platform"]),
      );
      const { page, total } = pageOf(input, found);
      return { ImageSet: page.map((image) => described(image, world)), TotalCount: total };
    },
  },

  DescribeImageQuota: { run: (_, world) => ({ ImageNumQuota: world.imageQuota }) },

  DeleteImages: {
    required: ["ImageIds"],
    optional: ["DeleteBindedSnap", "DryRun"],
    run(input, world, region) {
      const images = textsOf(input, "ImageIds").map((id) => imageOf(world, region, id));
      for (const image of images) {
        if (image.sharedWith.length > 0)
          throw new ServiceError("InvalidImageId.InShared", `The image \`${image.id}\` is shared.`);
        if (image.state === "IMPORTING" || image.state === "SYNCING")
          throw new ServiceError("InvalidImageId.IncorrectState", `The image \`${image.id}\` is ${image.state}.`);
      }
      for (const image of images) removeFrom(world.images, image);
      return {};
    },
  },

  SyncImages: {
    required: ["ImageIds", "DestinationRegions"],
    optional: ["DryRun", "ImageName", "ImageSetRequired", "Encrypt", "KmsKeyId"],
    run(input, world, region) {
      const [image] = textsOf(input, "ImageIds").map((id) => imageOf(world, region, id));
      if (image?.state !== "NORMAL")
        throw new ServiceError("InvalidImageId.IncorrectState", "The image is not NORMAL.");
      const destinations = textsOf(input, "DestinationRegions");
      const name = String(input["ImageName"] ?? image.name);
      for (const destination of destinations) {
        if (!world.regions.includes(destination) || destination === region)
          throw new ServiceError("InvalidParameterValue.InvalidRegion", `The region \`${destination}\` is not valid.`);
        requireFreeName(world, destination, name);
        requireQuota(world, destination);
      }
      const copies = destinations.map((destination) => copyOf(image, destination, name, world));
      return input["ImageSetRequired"] === true
        ? { ImageSet: copies.map(({ id, region }) => ({ ImageId: id, Region: region })) }
        : { ImageSet: [] };
    },
  },

  ModifyImageAttribute: {
    required: ["ImageId"],
    optional: ["ImageName", "ImageDescription", "ImageFamily", "ImageDeprecated"],
    run(input, world, region) {
      const image = imageOf(world, region, textOf(input, "ImageId"));
      if (input["ImageFamily"] !== undefined) image.family = textOf(input, "ImageFamily");
      if (input["ImageDeprecated"] !== undefined) image.isDeprecated = input["ImageDeprecated"] === true;
      return {};
    },
  },

  ModifyImageSharePermission: {
    required: ["ImageId", "AccountIds", "Permission"],
    run(input, world, region) {
      const image = imageOf(world, region, textOf(input, "ImageId"));
      const accounts = textsOf(input, "AccountIds");
      if (accounts.some((account) => !/^\d{6,}$/.test(account)))
        throw new ServiceError("InvalidAccountId.NotFound", "The account id is not found.");
      if (accounts.includes(world.account.accountId))
        throw new ServiceError("FailedOperation.AccountIsYourSelf", "The account is your own.");
      if (image.state !== "NORMAL")
        throw new ServiceError("InvalidParameterValue.InvalidImageState", "The image is not NORMAL.");
      if (input["Permission"] === "SHARE" && accounts.some((account) => image.sharedWith.includes(account)))
        throw new ServiceError("FailedOperation.AccountAlreadyExists", "The image is shared with the account.");
      const others = image.sharedWith.filter((account) => !accounts.includes(account));
      image.sharedWith = input["Permission"] === "SHARE" ? [...others, ...accounts] : others;
      return {};
    },
  },

  DescribeImageSharePermission: {
    required: ["ImageId"],
    run(input, world, region) {
      const image = imageOf(world, region, textOf(input, "ImageId"));
      const CreatedTime = isoSeconds(image.createdMs);
      return { SharePermissionSet: image.sharedWith.map((AccountId) => ({ AccountId, CreatedTime })) };
    },
  },
};

function copyOf(image: ImageRecord, region: string, name: string, world: TencentWorld): ImageRecord {
  const from = world.clock.now();
  const to = from + world.delays.copyMs;
  const copy: ImageRecord = {
    ...image,
    id: world.nextId("img"),
    region,
    name,
    createdMs: from,
    state: "SYNCING",
    tags: [],
    sharedWith: [],
    family: "",
    copyMs: { from, to },
  };
  world.images.push(copy);
  world.clock.after(world.delays.copyMs, () => {
    copy.state = "NORMAL";
  });
  return copy;
}

export function imageOf(world: TencentWorld, region: string, id: string): ImageRecord {
  requireImageId(id);
  const image = world.images.find((image) => image.id === id && image.region === region);
  if (image === undefined) throw new ServiceError("InvalidImageId.NotFound", `The image \`${id}\` does not exist.`);
  return image;
}

function requireImageId(id: string): void {
  if (!/^img-[0-9a-z]{8}$/.test(id))
    throw new ServiceError("InvalidImageId.Malformed", `The image id \`${id}\` is malformed.`);
}

function filterable(image: ImageRecord) {
  return {
    "image-id": [image.id],
    "image-name": [image.name],
    "image-type": ["PRIVATE_IMAGE"],
    platform: [image.osName],
    "tag-value": image.tags.map(({ Value }) => Value),
  };
}

function described(image: ImageRecord, { clock, account }: TencentWorld): Input {
  const { copyMs } = image;
  const percent = copyMs === undefined ? null : ((clock.now() - copyMs.from) / (copyMs.to - copyMs.from)) * 100;
  return {
    ImageId: image.id,
    ImageName: image.name,
    ImageDescription: image.description,
    ImageType: "PRIVATE_IMAGE",
    ImageState: image.state,
    ImageSource: "EXTERNAL_IMPORT",
    ImageSize: image.sizeGib,
    ImageCreator: account.accountId,
    ImageFamily: image.family,
    ImageDeprecated: image.isDeprecated,
    Architecture: image.architecture,
    OsName: image.osName,
    Platform: image.osName,
    CreatedTime: isoSeconds(image.createdMs),
    SyncPercent: percent === null ? null : Math.min(100, Math.floor(percent)),
    IsSupportCloudinit: false,
    LicenseType: "TencentCloud",
    SnapshotSet: [{ SnapshotId: image.id.replace("img", "snap"), DiskUsage: "SYSTEM_DISK", DiskSize: image.sizeGib }],
    Tags: image.tags,
  };
}
