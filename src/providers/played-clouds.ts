import type { Smbios } from "../machine/smbios.ts";
import { alibabaDmi } from "./alibaba/dmi.ts";
import { huaweiDmi } from "./huawei/dmi.ts";
import { tencentDmi } from "./tencent/dmi.ts";

/** What an instance of a cloud sees around it. */
export interface PlayedCloud {
  readonly smbios: Smbios;
  /** `address:port` of its metadata service, all of them. */
  readonly metadata: readonly string[];
  /** Of the metadata service, by name. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** Whether the instance is told its addresses, or gets them by DHCP. DHCP answers in any case. */
  readonly addresses: "told" | "dhcp";
  /** The format of the CD that is attached, by its name in guest-config. */
  readonly drive?: "tencent" | undefined;
  /** Those that its instances have unless somebody says otherwise. */
  readonly nameservers: readonly string[];
  readonly ntp?: readonly string[];
  /** The router's place in its network of 256 addresses; in a larger one, in the first or the last 256. */
  readonly routerHost: number;
  /** Of the subnets that the cloud makes by itself. */
  readonly subnetLength: number;
  readonly mtu?: number;
  /** DHCP says the way to the metadata service (option 121). */
  readonly routesToMetadata?: boolean;
}

/** The clouds that `cloudimg run --as` can play. */
export const playedClouds = {
  // cloud.tencent.com/document/product/213/4934 and 213/12849.
  tencent: {
    smbios: tencentDmi,
    metadata: ["169.254.0.23:80"],
    names: { "metadata.tencentyun.com": ["169.254.0.23"] },
    addresses: "told",
    drive: "tencent",
    nameservers: ["183.60.83.19", "183.60.82.98"],
    routerHost: 1,
    subnetLength: 20,
  },
  // help.aliyun.com/document_detail/214777.html.
  alibaba: {
    smbios: alibabaDmi,
    metadata: ["100.100.100.200:80", "[fd00:100::100:200]:80"],
    names: {},
    addresses: "dhcp",
    nameservers: ["100.100.2.136", "100.100.2.138"],
    ntp: ["100.100.61.88"],
    routerHost: 253,
    subnetLength: 20,
  },
  // support.huaweicloud.com/usermanual-ecs/ecs_03_0166.html.
  huawei: {
    smbios: huaweiDmi,
    metadata: ["169.254.169.254:80"],
    names: {},
    addresses: "dhcp",
    nameservers: ["100.125.1.250", "100.125.129.250"],
    routerHost: 1,
    subnetLength: 24,
    routesToMetadata: true,
  },
  // docs.openstack.org/nova/latest/user/metadata.html. The MTU is that of a VXLAN network.
  openstack: {
    smbios: {
      system: { manufacturer: "OpenStack Foundation", product: "OpenStack Nova" },
      chassis: { manufacturer: "QEMU" },
    },
    metadata: ["169.254.169.254:80", "[fe80::a9fe:a9fe]:80"],
    names: {},
    addresses: "dhcp",
    nameservers: ["10.0.2.3"],
    routerHost: 1,
    subnetLength: 24,
    mtu: 1450,
    routesToMetadata: true,
  },
} as const satisfies Record<string, PlayedCloud>;

export type PlayedCloudName = keyof typeof playedClouds;
