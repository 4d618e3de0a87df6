import { type Action, type Input, ServiceError, tagsOf, textOf } from "./action.ts";
import type { ImageRecord } from "./records.ts";
import type { TencentWorld } from "./world.ts";

/** A part of what the vendor lists: names of distributions, versions, architectures. */
const systems: readonly { OsName: string; OsVersions: string[]; Architecture: string[] }[] = [
  { OsName: "CentOS", OsVersions: ["6.8", "7.9", "8.0"], Architecture: ["x86_64", "i386"] },
  { OsName: "Debian", OsVersions: ["10", "11", "12"], Architecture: ["x86_64", "i386", "arm_64"] },
  { OsName: "Other Linux", OsVersions: ["-"], Architecture: ["x86_64", "i386", "arm_64"] },
];

export const importActions: Readonly<Record<string, Action>> = {
  DescribeImportImageOs: {
    run: () => ({
      ImportImageOsListSupported: { Linux: systems.map(({ OsName }) => OsName), Windows: ["Windows Server 2022"] },
      ImportImageOsVersionSet: systems,
    }),
  },

  ImportImage: {
    required: ["Architecture", "OsType", "OsVersion", "ImageUrl", "ImageName"],
    optional: [
      "ImageDescription",
      "DryRun",
      "Force",
      "TagSpecification",
      "LicenseType",
      "BootMode",
      "ImageFamily",
      "ImportImageDataDiskList",
    ],
    async run(input, world, region) {
      const image = importedImage(input, world, region);
      if (input["DryRun"] === true)
        throw new ServiceError(
          "DryRunOperation",
          "The request would have succeeded, but the DryRun parameter is used.",
        );
      requireFreeName(world, region, image.name);
      requireQuota(world, region);
      world.images.push(image);
      const isForced = input["Force"] === true;
      const examined = await world.examine(image.url, isForced, region);
      image.path = examined.path;
      image.sizeGib = examined.sizeGib ?? image.sizeGib;
      world.clock.after(world.delays.importMs, () => {
        image.state = examined.failure === undefined ? "NORMAL" : "IMPORTFAILED";
        // The API never says why.
        if (examined.failure !== undefined) world.mail.push(`import of ${image.id} failed: ${examined.failure}`);
      });
      return { ImageId: image.id };
    },
  },
};

function importedImage(input: Input, world: TencentWorld, region: string): ImageRecord {
  const name = textOf(input, "ImageName");
  const url = textOf(input, "ImageUrl");
  const architecture = textOf(input, "Architecture");
  const osType = textOf(input, "OsType");
  const bootMode = input["BootMode"] ?? "Legacy BIOS";
  const system = systems.find(({ OsName }) => OsName === osType);
  if (system === undefined)
    throw new ServiceError("InvalidImageOsType.Unsupported", `The OsType \`${osType}\` is not supported.`);
  if (!system.OsVersions.includes(textOf(input, "OsVersion")))
    throw new ServiceError("InvalidImageOsVersion.Unsupported", `The OsVersion of \`${osType}\` is not supported.`);
  if (!system.Architecture.includes(architecture))
    throw new ServiceError("InvalidParameterValue", `The Architecture \`${architecture}\` is not supported.`);
  if (!/^https?:\/\/[^/]+\/.+/.test(url))
    throw new ServiceError("InvalidParameter.InvalidParameterUrlError", "The ImageUrl is not a URL.");
  if (bootMode !== "Legacy BIOS" && bootMode !== "UEFI")
    throw new ServiceError("InvalidParameterValue.InvalidBootMode", "The BootMode is not supported.");
  const description = String(input["ImageDescription"] ?? "");
  if (name.length > 60 || description.length > 256)
    throw new ServiceError("InvalidParameterValue.TooLarge", "The name or the description is too long.");
  return {
    id: world.nextId("img"),
    region,
    name,
    url,
    bootMode,
    description,
    architecture: architecture === "arm_64" ? "arm" : architecture === "i386" ? "i386" : "x86_64",
    osName: osType,
    createdMs: world.clock.now(),
    sizeGib: 1,
    state: "IMPORTING",
    tags: tagsOf(input, "image"),
    sharedWith: [],
    family: String(input["ImageFamily"] ?? ""),
    isDeprecated: false,
  };
}

export function requireFreeName(world: TencentWorld, region: string, name: string): void {
  if (world.images.some((image) => image.region === region && image.name === name))
    throw new ServiceError("InvalidImageName.Duplicate", `The image name \`${name}\` already exists.`);
}

export function requireQuota(world: TencentWorld, region: string): void {
  if (world.images.filter((image) => image.region === region).length >= world.imageQuota)
    throw new ServiceError("ImageQuotaLimitExceeded", "The quota of images is exceeded.");
}
