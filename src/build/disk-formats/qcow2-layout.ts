import type { Extent } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";

/** Where the tables are. Everything is counted in clusters of the image file, unless its name says otherwise. */
export interface Qcow2Layout {
  readonly clusterBytes: number;
  readonly clusterBits: number;
  readonly l2Entries: number;
  readonly l1Entries: number;
  readonly l1Start: number;
  readonly refcountTableStart: number;
  readonly refcountTableClusters: number;
  readonly refcountBlockStart: number;
  readonly refcountBlocks: number;
  /** Cluster of the L2 table for each index of the L1 table whose part of the disk may hold data. */
  readonly l2Clusters: ReadonlyMap<number, number>;
  readonly dataStart: number;
  /** All clusters that the file can come to have. */
  readonly mostClusters: number;
}

const largestL1Bytes = 32 * 1024 ** 2;

/**
 * Places all tables before the data. Their sizes follow from where the disk may hold data: a cluster of the disk never takes more than one of
 * the file, compressed or not. So the data can be written in one pass, and the file ends with it.
 *
 * Errors: `image/unsupported` for cluster sizes and disk sizes that QEMU refuses.
 */
export function layoutQcow2(diskSizeBytes: number, extents: readonly Extent[], clusterBytes: number): Qcow2Layout {
  const clusterBits = Math.log2(clusterBytes);
  if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21)
    fail("image/unsupported", `cannot write qcow2 with clusters of ${clusterBytes} bytes`, {
      hint: "choose a power of two from 512B to 2MiB; 64KiB is what everybody uses",
    });
  const l2Entries = clusterBytes / 8;
  const l1Entries = Math.ceil(diskSizeBytes / (clusterBytes * l2Entries));
  if (l1Entries * 8 > largestL1Bytes)
    fail("image/unsupported", `cannot write a qcow2 disk of ${diskSizeBytes} bytes with clusters of ${clusterBytes}`, {
      hint: "choose larger clusters",
    });
  const { l1Indexes, touchedClusters } = touched(extents, clusterBytes, l2Entries);
  const l1Clusters = Math.max(1, Math.ceil((l1Entries * 8) / clusterBytes));
  const others = 1 + l1Clusters + l1Indexes.length + touchedClusters;

  // The refcount structures count themselves: grow them until they cover all.
  let refcountBlocks = 0;
  let refcountTableClusters = 0;
  let mostClusters = others;
  for (;;) {
    const blocks = Math.ceil(mostClusters / (clusterBytes / 2));
    const tableClusters = Math.ceil((blocks * 8) / clusterBytes);
    if (blocks === refcountBlocks && tableClusters === refcountTableClusters) break;
    refcountBlocks = blocks;
    refcountTableClusters = tableClusters;
    mostClusters = others + blocks + tableClusters;
  }
  const l1Start = 1;
  const refcountTableStart = l1Start + l1Clusters;
  const refcountBlockStart = refcountTableStart + refcountTableClusters;
  const l2Start = refcountBlockStart + refcountBlocks;
  return {
    clusterBytes,
    clusterBits,
    l2Entries,
    l1Entries,
    l1Start,
    refcountTableStart,
    refcountTableClusters,
    refcountBlockStart,
    refcountBlocks,
    l2Clusters: new Map(l1Indexes.map((l1Index, order) => [l1Index, l2Start + order])),
    dataStart: l2Start + l1Indexes.length,
    mostClusters,
  };
}

function touched(extents: readonly Extent[], clusterBytes: number, l2Entries: number) {
  const l1Indexes: number[] = [];
  let touchedClusters = 0;
  let last = -1;
  for (const { offsetBytes, lengthBytes } of extents) {
    const from = Math.max(Math.floor(offsetBytes / clusterBytes), last + 1);
    const to = Math.floor((offsetBytes + lengthBytes - 1) / clusterBytes);
    if (to < from) continue;
    touchedClusters += to - from + 1;
    last = to;
    const firstL1 = Math.max(Math.floor(from / l2Entries), (l1Indexes.at(-1) ?? -1) + 1);
    for (let l1 = firstL1; l1 <= Math.floor(to / l2Entries); l1++) l1Indexes.push(l1);
  }
  return { l1Indexes, touchedClusters };
}
