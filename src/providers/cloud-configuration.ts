import type { Problem } from "../core/errors.ts";
import { firmwaresOf } from "../profile/choices.ts";
import type { outputFormats } from "../profile/machine-words.ts";
import { locate, type Positioned } from "../profile/positioned.ts";
import type { Profile } from "../profile/schema.ts";
import { imageRules } from "./checked-clouds.ts";
import type { CloudName } from "./cloud.ts";
import type { CloudPublishConfiguration, MachineWish } from "./publish-cloud-request.ts";

type OutputFormat = (typeof outputFormats)[number];
type Firmware = CloudPublishConfiguration["firmware"];

/** What is uploaded, the best first: the smallest file that says where its holes are, then what every cloud reads. */
const uploadOrder = ["qcow2", "raw", "vhd", "vmdk", "vdi"] as const satisfies readonly OutputFormat[];

/**
 * The kind of image file that goes to a cloud: of those that its import reads and the profile writes the best one, else the best one that can be written besides.
 *
 * Where a cloud's documents are silent on compressed clusters (Tencent), or its import cannot read them (zstd), a compressed file is not risked.
 */
export function uploadFormat(name: CloudName, { output }: Pick<Profile, "output">): OutputFormat {
  const { formats, rules } = imageRules[name];
  const mindsZstd = output.compression === "zstd" && rules["zstd-clusters"] !== undefined;
  const isRisky = output.compress && (mindsZstd || rules["compressed-clusters"] !== undefined);
  const taken = uploadOrder.filter((format) => formats.includes(format));
  const safe = isRisky ? taken.filter((format) => format !== "qcow2" && format !== "vmdk") : taken;
  return safe.find((format) => output.formats.includes(format)) ?? (safe[0] as OutputFormat);
}

/** What its instances boot by: BIOS if the image can, which every cloud has always had; undefined if no cloud could boot it. */
export function cloudFirmware(profile: Pick<Profile, "image" | "disk" | "boot" | "kernel" | "instance">) {
  const able = firmwaresOf(profile).map((firmware): Firmware => (firmware === "bios" ? "bios" : "uefi"));
  const asked = profile.instance.firmware;
  const wanted = asked === undefined ? able[0] : asked === "bios" ? "bios" : "uefi";
  return wanted !== undefined && able.includes(wanted) ? wanted : undefined;
}

/** Everything of a profile that keeps it from being published to a cloud, before anybody is asked; with the place in the profile. */
export function configurationProblems(
  { profile, positions, path }: { readonly profile: Profile; readonly positions: Positioned; readonly path: string },
  { name, title, bucket }: { readonly name: CloudName; readonly title: string; readonly bucket: string },
): Problem[] {
  const problem = (place: readonly string[], reason: string, hint: string): Problem => ({
    code: "profile/invalid",
    message: `cannot publish to ${title}: ${reason}`,
    where: locate({ positions }, place) ?? { file: path },
    hint,
  });
  const found: Problem[] = [];
  if (bucket === "") {
    const example = name === "tencent" ? "NAME-APPID" : "NAME";
    found.push(
      problem(
        ["provider", name, "bucket"],
        "no bucket is named for the image file",
        `add --bucket ${example}, or to the profile:\nprovider:\n  ${name}:\n    bucket: ${example}`,
      ),
    );
  }
  if (profile.image.arch === "riscv64")
    found.push(problem(["image", "arch"], "it has no riscv64 machines", "set image.arch to amd64 or arm64"));
  else if (profile.image.arch === "arm64" && cloudFirmware(profile) === "bios")
    found.push(problem(["instance", "firmware"], "its arm64 machines boot by UEFI", "leave instance.firmware out"));
  if (cloudFirmware(profile) === undefined)
    found.push(
      problem(
        ["disk", "partitionTable"],
        `the image does not boot by ${profile.instance.firmware ?? "BIOS or UEFI"}`,
        "leave disk.partitionTable and instance.firmware out: the default boots everywhere",
      ),
    );
  return found;
}

/** How a profile is published to a cloud. It has no `configurationProblems`. */
export function cloudConfiguration(
  name: CloudName,
  profile: Profile,
  { region, bucket }: { readonly region: string; readonly bucket: string },
): CloudPublishConfiguration {
  const { image, publish, kernel } = profile;
  const { copyTo, shareWith } = profile.provider[name];
  return {
    region,
    bucket,
    // A bucket's name is nobody else's, in any account.
    account: bucket,
    architecture: image.arch,
    firmware: cloudFirmware(profile) ?? "bios",
    hasNvme: kernel.initrdModules.includes("nvme"),
    description: publish.description,
    copyTo: [...new Set(copyTo)].filter((other) => other !== region),
    shareWith,
    family: publish.family,
    deprecateOld: publish.deprecateOld,
    keepNewest: publish.keepNewest,
    keepObject: publish.keepObject,
    keepFailed: publish.keepFailed,
    machine: machineWish(name, profile),
  };
}

function machineWish(name: CloudName, profile: Profile): MachineWish {
  const { instance, publish } = profile;
  const { instanceTypes } = profile.provider[name];
  return {
    cpus: instance.cpus,
    memoryBytes: instance.memory,
    diskSizeBytes: instance.diskSize ?? 0,
    openPorts: openPorts(profile),
    isSpot: publish.spot,
    lifetimeMs: publish.lifetime,
    ...(instanceTypes.length > 0 && { instanceTypes }),
  };
}

/** Those of the services that run, and those that the checks need. */
function openPorts({ services: { ssh, http }, smoke }: Profile): number[] {
  const ports = new Set<number>();
  if (ssh.enabled || smoke.ssh.length > 0) ports.add(ssh.port);
  if (http.enabled || smoke.http.some(({ tls }) => !tls)) ports.add(http.port);
  if (smoke.http.some(({ tls }) => tls)) ports.add(httpsPort);
  return [...ports].sort((a, b) => a - b);
}

export const httpsPort = 443;
