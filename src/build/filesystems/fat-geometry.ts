import { type FatBits, fewestFat16Clusters, fewestFat32Clusters, sectorBytes } from "./fat-format.ts";

/** Where the parts of a FAT file system lie, in sectors. The clusters come last. */
export interface FatGeometry {
  readonly bits: FatBits;
  readonly totalSectors: number;
  readonly sectorsPerCluster: number;
  readonly reservedSectors: number;
  readonly fatSectors: number;
  /** Of the root directory, which FAT32 has among its clusters. */
  readonly rootSectors: number;
  readonly clusters: number;
}

/** The parts of a geometry that are chosen. */
export interface Shape {
  readonly bits: FatBits;
  readonly sectorsPerCluster: number;
  readonly rootSectors: number;
}

export const fatCopies = 2;
/** FAT12 and FAT16: drivers exist that know only 1. FAT32: what Windows and everybody else leave for boot code. */
const reservedSectorsOf: Readonly<Record<FatBits, number>> = { 12: 1, 16: 1, 32: 32 };

/** fatgen: "there is a lot of FAT code out there" that is off by 1, 2, 8, 10 or 16 at the limits, so stay 16 away from them. */
const safetyClusters = 16;
/** Entry values from 0x0FFFFFF7 on mean something else. */
const mostFat32Clusters = 0x0fffffff - 16;
/** So many clusters too many are used up by longer tables, so that a larger disk never holds less. */
const mostSurplusClusters = 2048;
export const mostSectors = 2 ** 32 - 1;
export const mostSectorsPerCluster = 64;

export function clusterRange(bits: FatBits): { fewest: number; most: number } {
  if (bits === 12) return { fewest: 1, most: fewestFat16Clusters - 1 - safetyClusters };
  if (bits === 16)
    return { fewest: fewestFat16Clusters + safetyClusters, most: fewestFat32Clusters - 1 - safetyClusters };
  return { fewest: fewestFat32Clusters + safetyClusters, most: mostFat32Clusters };
}

/** All of `totalSectors` with this shape; undefined if the number of clusters would be that of another type. */
export function geometryOf(totalSectors: number, shape: Shape): FatGeometry | undefined {
  const { bits, sectorsPerCluster, rootSectors } = shape;
  const { fewest, most } = clusterRange(bits);
  const reservedSectors = reservedSectorsOf[bits];
  const room = totalSectors - reservedSectors - rootSectors;
  const clustersWith = (fatSectors: number) => Math.floor((room - fatCopies * fatSectors) / sectorsPerCluster);
  let fatSectors = smallestWhere(
    (count) => fatSectorsFor(bits, Math.max(0, clustersWith(count))) <= count,
    fatSectorsFor(bits, Math.max(0, clustersWith(0))),
  );
  const surplus = clustersWith(fatSectors) - most;
  if (surplus > mostSurplusClusters) return undefined;
  if (surplus > 0) fatSectors += Math.ceil((surplus * sectorsPerCluster) / fatCopies);
  const clusters = clustersWith(fatSectors);
  if (clusters < fewest || totalSectors > mostSectors) return undefined;
  return { ...shape, totalSectors, reservedSectors, fatSectors, clusters };
}

/** The fewest sectors that give so many clusters. */
export function sectorsFor(clusters: number, { bits, sectorsPerCluster, rootSectors }: Shape): number {
  return (
    reservedSectorsOf[bits] + rootSectors + fatCopies * fatSectorsFor(bits, clusters) + clusters * sectorsPerCluster
  );
}

function fatSectorsFor(bits: FatBits, clusters: number): number {
  return Math.ceil(((clusters + 2) * bits) / 8 / sectorBytes);
}

/** The smallest number from 1 on that suffices, where `enough` does and all larger ones do. */
function smallestWhere(suffices: (value: number) => boolean, enough: number): number {
  let low = 1;
  let high = Math.max(1, enough);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (suffices(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * fatgen's table of cluster sizes for FAT32. Below its first limit 512 bytes serve all three types, so the size alone decides the type, and EFI system partitions are FAT32
 * from 33 MiB on.
 */
const usualClusters: readonly (readonly [upToSectors: number, sectorsPerCluster: number])[] = [
  [260 * 2048, 1],
  [8 * 2 ** 21, 8],
  [16 * 2 ** 21, 16],
  [32 * 2 ** 21, 32],
  [Number.POSITIVE_INFINITY, 64],
];

export function usualSectorsPerCluster(totalSectors: number): number {
  return usualClusters.find(([upTo]) => totalSectors <= upTo)?.[1] ?? mostSectorsPerCluster;
}
