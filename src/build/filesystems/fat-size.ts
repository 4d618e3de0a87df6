import type { FatContents } from "./fat-contents.ts";
import { entryBytes, type FatBits, mostDirectoryEntries, sectorBytes } from "./fat-format.ts";
import {
  clusterRange,
  type FatGeometry,
  geometryOf,
  mostSectors,
  mostSectorsPerCluster,
  type Shape,
  sectorsFor,
  usualSectorsPerCluster,
} from "./fat-geometry.ts";

/** The largest first: firmware, boot loaders and kernels agree best on FAT32. */
const allBits: readonly FatBits[] = [32, 16, 12];
const clusterSizes = [1, 2, 4, 8, 16, 32, mostSectorsPerCluster];
/** Of a root directory of its own; fatgen: "for maximum compatibility". */
const usualRootEntries = 512;

/** A geometry and how much of it the contents take. */
export interface Fit {
  readonly geometry: FatGeometry;
  readonly usedClusters: number;
}

/** The geometry of all these sectors, of the usual cluster size if the contents fit so; undefined if they fit in none. */
export function fitExactly(contents: FatContents, totalSectors: number, bits: FatBits | undefined): Fit | undefined {
  const usual = usualSectorsPerCluster(totalSectors);
  for (const sectorsPerCluster of [usual, ...clusterSizes])
    for (const shape of shapesOf(contents, sectorsPerCluster, bits)) {
      const geometry = geometryOf(totalSectors, shape);
      const usedClusters = clustersUsed(contents, shape);
      if (geometry !== undefined && usedClusters <= geometry.clusters) return { geometry, usedClusters };
    }
  return undefined;
}

/** The smallest geometry of usual cluster size with so much room. */
export function fitWithFree(contents: FatContents, freeBytes: number, bits: FatBits | undefined): Fit | undefined {
  for (const sectorsPerCluster of clusterSizes) {
    const sectors = fewestSectors(contents, freeBytes, shapesOf(contents, sectorsPerCluster, bits));
    if (sectors === undefined) continue;
    // Types of few clusters take the smallest that suffice.
    const isUnusual = (bits === undefined || bits === 32) && usualSectorsPerCluster(sectors) > sectorsPerCluster;
    if (isUnusual) continue;
    for (const shape of shapesOf(contents, sectorsPerCluster, bits)) {
      const geometry = geometryOf(sectors, shape);
      const usedClusters = clustersUsed(contents, shape);
      const room = usedClusters + freeClusters(freeBytes, shape);
      if (geometry !== undefined && room <= geometry.clusters) return { geometry, usedClusters };
    }
  }
  return undefined;
}

/** The smallest size that `fitExactly` can do with, in sectors; undefined if no size suffices. */
export function smallestSectors(contents: FatContents, bits: FatBits | undefined): number | undefined {
  return fewestSectors(
    contents,
    0,
    clusterSizes.flatMap((size) => shapesOf(contents, size, bits)),
  );
}

function fewestSectors(contents: FatContents, freeBytes: number, shapes: readonly Shape[]): number | undefined {
  const sizes = shapes.flatMap((shape) => {
    const { fewest, most } = clusterRange(shape.bits);
    const clusters = Math.max(fewest, clustersUsed(contents, shape) + freeClusters(freeBytes, shape));
    const sectors = sectorsFor(clusters, shape);
    return clusters > most || sectors > mostSectors ? [] : [sectors];
  });
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}

function shapesOf(contents: FatContents, sectorsPerCluster: number, bits: FatBits | undefined): Shape[] {
  const rootEntries = Math.max(usualRootEntries, contents.directories[0].entryCount);
  const rootSectors = Math.ceil((rootEntries * entryBytes) / sectorBytes);
  return (bits === undefined ? allBits : [bits]).flatMap((each): Shape[] => {
    if (each === 32) return [{ bits: each, sectorsPerCluster, rootSectors: 0 }];
    // The boot sector counts them with 16 bits.
    return rootEntries < mostDirectoryEntries - entryBytes ? [{ bits: each, sectorsPerCluster, rootSectors }] : [];
  });
}

function freeClusters(freeBytes: number, { sectorsPerCluster }: Shape): number {
  return Math.ceil(freeBytes / (sectorsPerCluster * sectorBytes));
}

function clustersUsed({ directories }: FatContents, { bits, sectorsPerCluster }: Shape): number {
  const clusterBytes = sectorsPerCluster * sectorBytes;
  let clusters = 0;
  for (const { entryCount, parent, items } of directories) {
    if (parent !== undefined || bits === 32) clusters += directoryClusters(entryCount, clusterBytes);
    for (const { node } of items)
      if (node.type === "file") clusters += Math.ceil(node.content.sizeBytes / clusterBytes);
  }
  return clusters;
}

/** An empty directory has a cluster too. */
export function directoryClusters(entryCount: number, clusterBytes: number): number {
  return Math.max(1, Math.ceil((entryCount * entryBytes) / clusterBytes));
}
