/** What a zone sells. Prices are yuan an hour. */
export interface StockItem {
  readonly zone: string;
  readonly instanceType: string;
  readonly family: string;
  readonly cpuType: string;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly gpus: number;
  readonly price: number;
  readonly spotPrice: number;
  /** What the list says. */
  isListed: boolean;
  /** What happens to who tries: lists are not always right. */
  isThere: boolean;
}

/** Document 213/6091. */
export const emulatedRegions = [
  ...["ap-guangzhou", "ap-shanghai", "ap-nanjing", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-hongkong"],
  ...["ap-singapore", "ap-jakarta", "ap-bangkok", "ap-seoul", "ap-tokyo"],
  ...["eu-frankfurt", "na-siliconvalley", "na-ashburn", "sa-saopaulo"],
];

/** Two zones in each region; some types are sold out, one has a graphics card, one is ARM. */
export function defaultStock(region: string): StockItem[] {
  const x86 = "Intel Xeon Cascade Lake 8255C(2.5 GHz)";
  const rows: readonly [type: string, family: string, cpuType: string, cpus: number, gib: number, price: number][] = [
    ["S5.SMALL1", "S5", x86, 1, 1, 0.12],
    ["S5.SMALL2", "S5", x86, 1, 2, 0.21],
    ["SA5.MEDIUM2", "SA5", "AMD EPYC Bergamo", 2, 2, 0.19],
    ["S5.MEDIUM4", "S5", x86, 2, 4, 0.44],
    ["SR1.MEDIUM4", "SR1", "Ampere Altra", 2, 4, 0.3],
    ["GN7.2XLARGE32", "GN7", x86, 8, 32, 0.05],
  ];
  return [1, 2].flatMap((zone) =>
    rows.map(([instanceType, family, cpuType, cpus, memoryGib, price]) => ({
      zone: `${region}-${zone}`,
      instanceType,
      family,
      cpuType,
      cpus,
      memoryGib,
      gpus: family.startsWith("GN") ? 1 : 0,
      price: round(price * (zone === 1 ? 1 : 1.1)),
      spotPrice: round(price * 0.2 * (zone === 1 ? 1 : 1.1)),
      isListed: !(instanceType === "S5.SMALL2" && zone === 1),
      isThere: !(instanceType === "S5.SMALL2" && zone === 1),
    })),
  );
}

function round(price: number): number {
  return Math.round(price * 10_000) / 10_000;
}
