import type { FlavorRecord } from "./records.ts";

/** developer.huaweicloud.com/endpoint: a part of them. */
export const emulatedRegions = [
  ...["cn-north-4", "cn-east-3", "ap-southeast-1", "cn-north-1", "cn-north-9", "cn-east-2", "cn-south-1"],
  ...["cn-southwest-2", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "af-south-1", "la-south-2"],
];

function zonesOf(region: string): string[] {
  return ["a", "b", "c"].map((letter) => region + letter);
}

/** Of three zones; some are sold out, one has a graphics card, one is ARM, one is not sold as a spot instance. */
export function defaultFlavors(region: string): FlavorRecord[] {
  const [a = "", b = "", c = ""] = zonesOf(region);
  const all = (status: string) => new Map([a, b, c].map((zone) => [zone, status]));
  const common = { isArm: false, hasGpu: false };
  const flavor = (id: string, vcpus: number, ramMib: number, more: Partial<FlavorRecord> = {}): FlavorRecord => ({
    ...common,
    id,
    vcpus,
    ramMib,
    zones: all("normal"),
    spotZones: all("normal"),
    emptyZones: new Set(),
    ...more,
  });
  return [
    flavor("s6.small.1", 1, 1024, {
      zones: new Map([
        [a, "sellout"],
        [b, "normal"],
        [c, "abandon"],
      ]),
      spotZones: new Map(),
    }),
    flavor("s6.medium.2", 1, 2048),
    flavor("c7.large.2", 2, 4096),
    flavor("kc1.small.1", 1, 1024, { isArm: true }),
    flavor("pi2.2xlarge.4", 8, 32_768, { hasGpu: true }),
  ];
}

export interface OsVersion {
  readonly platform: string;
  readonly osVersion: string;
  readonly osType: "Linux" | "Windows";
}

/** Some of the real list, which has some hundreds. */
export const osVersions: readonly OsVersion[] = [
  { platform: "Debian", osVersion: "Debian GNU/Linux 10.0.0 64bit", osType: "Linux" },
  { platform: "Debian", osVersion: "Debian GNU/Linux 12.0.0 64bit", osType: "Linux" },
  { platform: "Ubuntu", osVersion: "Ubuntu 22.04 server 64bit", osType: "Linux" },
  { platform: "Ubuntu", osVersion: "Ubuntu 18.04 server 64bit with ARM", osType: "Linux" },
  { platform: "Other", osVersion: "Other Linux(64 bit)", osType: "Linux" },
  { platform: "Windows", osVersion: "Windows Server 2019 Standard 64bit", osType: "Windows" },
];
