import type { Host } from "../initializer/host.ts";
import { type CloudSettings, readCloudSettings } from "./cloud-settings.ts";
import { type FoundVolume, findVolumes } from "./volumes.ts";

/** What tells, before anything is mounted or asked, where a machine is to be configured from. */
export interface MachineSigns {
  readonly commandLine: string;
  /** By the names of /sys/class/dmi/id: `sys_vendor`, `product_name`, `product_serial`, `chassis_asset_tag`. Without blanks around; absent if empty. */
  readonly dmi: Readonly<Record<string, string | undefined>>;
  /** In the order in which they are tried. */
  readonly volumes: readonly FoundVolume[];
  /** Directories of the root file system with the files of a source. */
  readonly seeds: Seeds;
  readonly settings: CloudSettings;
  /** How long a service may be asked at most; the services' own limit if absent. */
  readonly patienceMs?: number | undefined;
  /** /sys/hypervisor/uuid, of Xen. */
  readonly hypervisorUuid?: string | undefined;
  /** `product_name` in the environment of the first process: how OpenStack tells containers. */
  readonly initProduct?: string | undefined;
}

export interface Seeds {
  readonly configDrive: readonly string[];
  readonly noCloud: readonly string[];
  /** Alibaba's file for images without an agent: its path on the root file system. */
  readonly aliyunImage?: string | undefined;
}

/** A machine that shows nothing; for tests, and to begin with. */
export const noSigns: MachineSigns = {
  commandLine: "",
  dmi: {},
  volumes: [],
  seeds: { configDrive: [], noCloud: [] },
  settings: { isDisabled: false },
};

const dmiNames = [
  "sys_vendor",
  "product_name",
  "product_version",
  "product_serial",
  "product_uuid",
  "chassis_asset_tag",
  "chassis_vendor",
  "board_name",
] as const;

/** Starts no program, and opens every device once. */
export function readSigns(host: Host): MachineSigns {
  const read = (path: string) => host.readText(path)?.trim() || undefined;
  const environment = host.readText("/proc/1/environ")?.split("\0") ?? [];
  return {
    commandLine: read("/proc/cmdline") ?? "",
    dmi: Object.fromEntries(dmiNames.map((name) => [name, read(`/sys/class/dmi/id/${name}`)])),
    volumes: findVolumes(host),
    seeds: readSeeds(host),
    settings: readCloudSettings(host),
    hypervisorUuid: read("/sys/hypervisor/uuid"),
    initProduct: environment.find((entry) => entry.startsWith("product_name="))?.slice("product_name=".length),
  };
}

const seedDirectory = "/var/lib/cloud/seed";
export const aliyunImageFile = "/aliyun_custom_image/os.conf";

function readSeeds(host: Host): Seeds {
  const has = (path: string) => host.attributes(path) !== undefined;
  const hasDrive = (root: string) =>
    host
      .list(`${root}/openstack`)
      .some((name) => /^(?:2...-..-..|latest)$/.test(name) && has(`${root}/openstack/${name}/meta_data.json`));
  const noCloud = ["", "/writable/system-data"].flatMap((prefix) =>
    ["nocloud", "nocloud-net"].map((name) => `${prefix}${seedDirectory}/${name}`),
  );
  return {
    configDrive: [`${seedDirectory}/config_drive`, "/config-drive"].filter(hasDrive),
    noCloud: noCloud.filter((root) => has(`${root}/meta-data`) && has(`${root}/user-data`)),
    aliyunImage: has(aliyunImageFile) ? aliyunImageFile : undefined,
  };
}
