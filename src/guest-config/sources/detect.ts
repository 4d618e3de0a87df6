import { isRemoteSeed, namedSource, nocloudLine } from "./nocloud-line.ts";
import type { MachineSigns } from "./signs.ts";
import { hasLabel } from "./volumes.ts";

/** Where a machine is to be configured from. Sources have cloud-init's names here: `ConfigDrive`. */
export interface Detection {
  /** Nobody wants this machine to be configured. */
  readonly isDisabled: boolean;
  /** Sources on the machine, in the order in which they are asked. */
  readonly local: readonly string[];
  /** Sources that are reached over the network, likewise: asked if nothing local has decided. */
  readonly network: readonly string[];
  /** Further ones, that a drive makes needless: asked only if the drive is broken or says a part only. */
  readonly fallback: readonly string[];
  /** For the log. */
  readonly why: string;
}

interface Check {
  readonly name: string;
  readonly isLocal?: true;
  readonly isNetwork?: true;
  /** In a few words what the sign is; undefined if there is none. */
  sign(signs: MachineSigns): string | undefined;
}

/** In cloud-init's order: drives before directories of HTTP. A machine without any of these signs is not asked about by trial: its boot would hang. */
const checks: readonly Check[] = [
  { name: "ConfigDrive", isLocal: true, sign: configDriveSign },
  { name: "NoCloud", isLocal: true, sign: noCloudSign },
  { name: "NoCloud", isNetwork: true, sign: noCloudNetSign },
  { name: "TencentCloud", isNetwork: true, sign: tencentSign },
  { name: "AliYun", isLocal: true, sign: aliyunSign },
  { name: "AliYun", isNetwork: true, sign: aliyunServiceSign },
  { name: "Ec2", isNetwork: true, sign: ec2Sign },
  { name: "OpenStack", isNetwork: true, sign: openstackSign },
];
const namesSuppressedByDrive = ["TencentCloud", "OpenStack"];

/**
 * Decides from the signs alone. What cloud-init's ds-identify finds is found here too; what it only thinks possible ("maybe") is not. Tencent's metadata service is ours.
 */
export function detect(signs: MachineSigns): Detection {
  const none = { isDisabled: false, local: [], network: [], fallback: [] };
  const { settings, commandLine } = signs;
  const words = commandLine.split(/\s+/);
  const isEnabled = words.includes("cloud-init=enabled");
  if (words.includes("cloud-init=disabled"))
    return { ...none, isDisabled: true, why: "the command line says cloud-init=disabled" };
  if (settings.isDisabled && !isEnabled)
    return { ...none, isDisabled: true, why: "there is /etc/cloud/cloud-init.disabled" };

  const named = namedSource(commandLine);
  if (named !== undefined) return chosen([named], `the command line says ds=${named}`, signs);
  const policy =
    words.findLast((word) => word.startsWith("ci.di.policy="))?.slice("ci.di.policy=".length) ?? settings.policy;
  if (policy?.split(",").includes("disabled"))
    return { ...none, isDisabled: true, why: "the policy of ds-identify says disabled" };
  const list = settings.datasourceList;
  const others = list?.filter((name) => name !== "None");
  if (list !== undefined && others !== undefined && others.length <= 1)
    return chosen(others, `datasource_list is [${list.join(", ")}]`, signs);
  return search(signs, others, policy?.split(",").includes("found=first") === true);
}

/** Somebody has said which: nothing is looked for. */
function chosen(names: readonly string[], why: string, signs: MachineSigns): Detection {
  const wanted = names.map((name) => name.toLowerCase().replace(/^nocloud-net$/, "nocloud"));
  const mine = checks.filter(({ name }) => wanted.includes(name.toLowerCase()));
  const isAskable = ({ name, sign }: Check) => name !== "NoCloud" || sign(signs) !== undefined;
  return {
    isDisabled: false,
    local: mine.filter(({ isLocal }) => isLocal).map(({ name }) => name),
    network: mine.filter((check) => check.isNetwork && isAskable(check)).map(({ name }) => name),
    fallback: [],
    why,
  };
}

function search(signs: MachineSigns, list: readonly string[] | undefined, isFirstOnly: boolean): Detection {
  const rank = (name: string) =>
    list === undefined ? 0 : list.findIndex((other) => other.toLowerCase() === name.toLowerCase());
  // Array.prototype.sort is stable: without a list the order of the checks stays.
  const known = checks.filter(({ name }) => rank(name) >= 0).sort((a, b) => rank(a.name) - rank(b.name));
  const found = known.flatMap((check) => {
    const sign = check.sign(signs);
    return sign === undefined ? [] : [{ ...check, sign }];
  });
  const hasDrive = configDriveSign(signs) !== undefined;
  const isFallback = ({ name }: { name: string }) => hasDrive && namesSuppressedByDrive.includes(name);
  const first = found.find((check) => !isFallback(check))?.name;
  const usable = found.filter((check) => !isFallback(check) && (!isFirstOnly || check.name === first));
  return {
    isDisabled: false,
    local: usable.filter(({ isLocal }) => isLocal).map(({ name }) => name),
    network: usable.filter(({ isNetwork }) => isNetwork).map(({ name }) => name),
    fallback: found.filter(isFallback).map(({ name }) => name),
    why: [...new Set(found.map(({ sign }) => sign))].join("; ") || "nothing says where from",
  };
}

function configDriveSign({ volumes, seeds }: MachineSigns): string | undefined {
  const drive = volumes.find((volume) => hasLabel(volume, "config-2"));
  if (drive !== undefined) return `${drive.device} has the label config-2`;
  if (seeds.configDrive.length > 0) return `there is ${seeds.configDrive[0]}`;
  const osConf = volumes.find(hasOsConf);
  return osConf && `${osConf.device} has Tencent's os.conf`;
}

/** Directories of Tencent's os.conf: its documentation uses both names. */
export const osConfDirectories = ["qcloud_action", "os_action"] as const;

/** Tencent says only that it is on a CD. Partitions are not looked into. */
export function hasOsConf(volume: MachineSigns["volumes"][number]): boolean {
  if (volume.isPartition) return false;
  const names = volume.open()?.list("") ?? [];
  return osConfDirectories.some((name) => names.includes(name));
}

export function noCloudSign(signs: MachineSigns): string | undefined {
  const { dmi, volumes, seeds, settings } = signs;
  if (/(?:^|\s)ds=nocloud/.test(dmi["product_serial"] ?? "")) return "the serial number says ds=nocloud";
  const drive = volumes.find((volume) => hasLabel(volume, "cidata"));
  if (drive !== undefined) return `${drive.device} has the label cidata`;
  if (seeds.noCloud.length > 0) return `there is ${seeds.noCloud[0]}`;
  return settings.noCloud && "/etc/cloud has NoCloud's data";
}

function noCloudNetSign(signs: MachineSigns): string | undefined {
  const isRemote =
    isRemoteSeed(nocloudLine(signs)?.values["seedfrom"] ?? "") || signs.settings.noCloud?.isRemote === true;
  return isRemote ? (noCloudSign(signs) ?? "the command line says ds=nocloud") : undefined;
}

/** The old name of the company's virtual machines is `Smdbmds`. */
function tencentSign({ dmi }: MachineSigns): string | undefined {
  const vendor = [dmi["sys_vendor"], dmi["chassis_vendor"]].find(
    (name) => name === "Tencent Cloud" || name === "Smdbmds",
  );
  return vendor && `the machine is made by ${vendor}`;
}

export function aliyunSign(signs: MachineSigns): string | undefined {
  const { aliyunImage } = signs.seeds;
  return aliyunServiceSign(signs) ?? (aliyunImage && `there is ${aliyunImage}`);
}

/** The file alone does not say that there is a service: somebody may have put it there. */
function aliyunServiceSign({ dmi }: MachineSigns): string | undefined {
  return dmi["product_name"] === "Alibaba Cloud ECS" ? "the machine is an Alibaba Cloud ECS" : undefined;
}

function openstackSign({ dmi, initProduct }: MachineSigns): string | undefined {
  const product = dmi["product_name"] ?? "";
  const tag = dmi["chassis_asset_tag"] ?? "";
  if (openstackProducts.includes(product)) return `the machine is an ${product}`;
  if (openstackTags.includes(tag)) return `the machine's asset tag is ${tag}`;
  return initProduct === "OpenStack Nova" ? "the first process is told of OpenStack Nova" : undefined;
}

const openstackProducts: readonly string[] = ["OpenStack Nova", "OpenStack Compute"];
const openstackTags: readonly string[] = [
  ...openstackProducts,
  "OpenTelekomCloud",
  "SAP CCloud VM",
  "HUAWEICLOUD",
  "Samsung Cloud Platform",
];

/** Amazon's own machines and those that are like them. */
function ec2Sign({ dmi, hypervisorUuid }: MachineSigns): string | undefined {
  const get = (name: string) => dmi[name] ?? "";
  const serial = get("product_serial");
  const vendor = get("sys_vendor");
  if (/\.brightbox\.com$/.test(serial)) return "the machine is of Brightbox";
  if (/\.zstack\.io$/.test(get("chassis_asset_tag"))) return "the machine is of ZStack";
  if (vendor === "e24cloud" || vendor === "Tilaa") return `the machine is of ${vendor}`;
  if (vendor === "3DS Outscale" && get("product_name") === "3DS Outscale VM") return "the machine is of Outscale";
  if (hypervisorUuid?.startsWith("ec2")) return "the hypervisor's UUID begins with ec2";
  const uuid = get("product_uuid").toLowerCase();
  // One UUID by chance in 2048 begins so, in one order of bytes or the other; QEMU makes them by chance.
  if (vendor === "QEMU" && !serial.toLowerCase().startsWith("ec2")) return undefined;
  const isEc2 = uuid.startsWith("ec2") || swapped(uuid).startsWith("ec2");
  return isEc2 ? "the machine's UUID begins with ec2" : undefined;
}

/** The first four bytes in the other order: `ab232aec` is `ec2a23ab`. */
function swapped(uuid: string): string {
  return uuid.slice(6, 8) + uuid.slice(4, 6) + uuid.slice(2, 4) + uuid.slice(0, 2);
}
