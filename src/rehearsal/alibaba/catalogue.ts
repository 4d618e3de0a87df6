/** What is sold: a few real kinds of machine with made-up prices. */
export interface MachineKind {
  readonly type: string;
  readonly family: string;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly architecture: "X86" | "ARM";
  readonly nvme: "required" | "supported" | "unsupported";
  readonly bootModes: readonly ("BIOS" | "UEFI")[];
  /** By the hour, in CNY. */
  readonly price: number;
}

const kind = (
  type: string,
  [cpus, memoryGib]: readonly [number, number],
  price: number,
  more: Partial<MachineKind> = {},
): MachineKind => ({
  type,
  family: type.slice(0, type.lastIndexOf(".")),
  cpus,
  memoryGib,
  architecture: "X86",
  nvme: "unsupported",
  bootModes: ["BIOS", "UEFI"],
  price,
  ...more,
});

export const machineKinds: readonly MachineKind[] = [
  kind("ecs.t6-c1m1.large", [2, 2], 0.26),
  kind("ecs.t6-c1m2.large", [2, 4], 0.36),
  kind("ecs.c6.large", [2, 4], 0.39),
  kind("ecs.g6.large", [2, 8], 0.5),
  kind("ecs.c8i.large", [2, 4], 0.42, { nvme: "required" }),
  kind("ecs.g8i.large", [2, 8], 0.54, { nvme: "required" }),
  kind("ecs.c6.xlarge", [4, 8], 0.78),
  kind("ecs.c8y.large", [2, 4], 0.35, { architecture: "ARM", nvme: "required", bootModes: ["UEFI"] }),
  kind("ecs.g8y.large", [2, 8], 0.45, { architecture: "ARM", nvme: "required", bootModes: ["UEFI"] }),
];

const further = [
  ...["cn-shanghai", "cn-shenzhen", "cn-guangzhou", "cn-chengdu", "cn-qingdao", "cn-zhangjiakou", "cn-hongkong"],
  ...["ap-southeast-3", "ap-southeast-5", "ap-northeast-1", "eu-central-1", "us-west-1", "us-east-1"],
];

/** Zones by regions (help.aliyun.com, "Regions and zones"): a few of each. */
export const emulatedRegions: Readonly<Record<string, readonly string[]>> = {
  "cn-hangzhou": ["cn-hangzhou-h", "cn-hangzhou-i"],
  "cn-beijing": ["cn-beijing-h"],
  "ap-southeast-1": ["ap-southeast-1a"],
  ...Object.fromEntries(further.map((region) => [region, [region.startsWith("cn-") ? `${region}-b` : `${region}a`]])),
};

export interface Stock {
  /** How many are left. */
  left(type: string, zone: string): number;
  set(type: string, zone: string, count: number): void;
  take(type: string, zone: string): void;
  giveBack(type: string, zone: string): void;
  /** What a spot instance costs of the full price. */
  spotPart: number;
}

export function makeStock(): Stock {
  const counts = new Map<string, number>();
  const key = (type: string, zone: string) => `${type} ${zone}`;
  const left = (type: string, zone: string) => counts.get(key(type, zone)) ?? 10;
  const set = (type: string, zone: string, count: number) => void counts.set(key(type, zone), count);
  return {
    left,
    set,
    take: (type, zone) => set(type, zone, left(type, zone) - 1),
    giveBack: (type, zone) => set(type, zone, left(type, zone) + 1),
    spotPart: 0.25,
  };
}

/** To three decimals, as prices are given. */
export function round(price: number): number {
  return Math.round(price * 1000) / 1000;
}
