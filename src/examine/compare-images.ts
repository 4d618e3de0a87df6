import { type ByteSource, sliceSource } from "../core/byte-source.ts";
import { readBootCode } from "./boot-code.ts";
import { differentRanges, firstDifference, type Ranges } from "./compare-bytes.ts";
import { type Change, changed, type TreeOptions } from "./compare-trees.ts";
import { compareVolumes, pairChanges, type VolumeDifference } from "./compare-volumes.ts";
import { gapsOf, tableRanges } from "./gaps.ts";
import { type ExaminedImage, type ExaminedPartition, volumesOf } from "./open.ts";
import type { Volume } from "./volume.ts";

/** In what two images differ. Plain data: `--json` prints it. */
export interface ImageDifference {
  /** Whether the disks are the same to a guest; the format of the files does not count. */
  readonly isEqual: boolean;
  readonly a: string;
  readonly b: string;
  /** Of the image files: format and its details. */
  readonly files: readonly Change[];
  readonly disk: readonly Change[];
  readonly table: readonly Change[];
  readonly partitions: readonly {
    readonly number: number;
    readonly state: "added" | "removed" | "changed";
    readonly changes: readonly Change[];
  }[];
  /** Outside of partitions in both, offsets from the start of the disk. */
  readonly gaps: Ranges;
  /** Only those that differ. */
  readonly volumes: readonly VolumeDifference[];
}

const mostRanges = 32;

/** Compares two images down to bytes. What cannot be read is told and compared as bytes; the rest is compared all the same. */
export async function compareImages(
  a: ExaminedImage,
  b: ExaminedImage,
  options: TreeOptions,
): Promise<ImageDifference> {
  const { signal } = options;
  const disk = changed("size", a.image.disk.sizeBytes, b.image.disk.sizeBytes);
  const partitions = comparePartitions(a, b);
  const table = await compareTables(a, b, partitions.length > 0, signal);
  const bootCode = await compareBootCode(a.image.disk, b.image.disk, signal, hasTable(a) || hasTable(b));
  const gaps = await compareGaps(a, b, signal);
  const volumes: VolumeDifference[] = [];
  for (const [volumeA, volumeB] of pairs(volumesOf(a), volumesOf(b))) {
    const difference = await compareVolumes(volumeA, volumeB, options);
    if (difference !== undefined) volumes.push(difference);
  }
  const parts = [disk, table, bootCode, partitions, gaps.ranges, volumes];
  return {
    isEqual: parts.every(({ length }) => length === 0),
    ...{ a: a.path, b: b.path },
    files: [
      ...changed("format", a.image.format, b.image.format),
      ...changed("file size", a.fileBytes, b.fileBytes),
      ...(a.image.format === b.image.format ? pairChanges(a.image.details, b.image.details) : []),
    ],
    disk: [...disk, ...bootCode],
    ...{ table, partitions, gaps, volumes },
  };
}

function hasTable({ table }: ExaminedImage): boolean {
  return table !== undefined;
}

async function compareTables(
  a: ExaminedImage,
  b: ExaminedImage,
  areTold: boolean,
  signal: AbortSignal,
): Promise<Change[]> {
  const changes = [...changed("kind", a.table?.name, b.table?.name), ...changed("id", a.table?.id, b.table?.id)];
  if (changes.length > 0 || areTold || a.table === undefined || b.table === undefined) return changes;
  // All that we know of the tables is the same; there may be more in them.
  if (a.image.disk.sizeBytes !== b.image.disk.sizeBytes) return changes;
  for (const { offsetBytes, lengthBytes } of tableRanges(a.image.disk.sizeBytes, a.table)) {
    const at = await firstDifference(
      sliceSource(a.image.disk, offsetBytes, lengthBytes),
      sliceSource(b.image.disk, offsetBytes, lengthBytes),
      signal,
    );
    if (at !== undefined) return [{ what: `bytes of the table, first at byte ${offsetBytes + at}` }];
  }
  return changes;
}

/** The first 440 bytes, where a disk with a table has its boot code. */
async function compareBootCode(
  a: ByteSource,
  b: ByteSource,
  signal: AbortSignal,
  isApart: boolean,
): Promise<readonly Change[]> {
  if (!isApart) return [];
  const codeOf = (disk: ByteSource) => sliceSource(disk, 0, Math.min(440, disk.sizeBytes));
  if ((await firstDifference(codeOf(a), codeOf(b), signal)) === undefined) return [];
  const [nameA, nameB] = [readBootCode(a)?.name ?? "none", readBootCode(b)?.name ?? "none"];
  return [{ what: "boot code", a: nameA, b: nameB }];
}

function comparePartitions(a: ExaminedImage, b: ExaminedImage): ImageDifference["partitions"][number][] {
  const [ofA, ofB] = [a, b].map(({ partitions }) => new Map(partitions.map((each) => [each.number, each])));
  const numbers = [...new Set([...(ofA?.keys() ?? []), ...(ofB?.keys() ?? [])])].sort((x, y) => x - y);
  return numbers.flatMap((number) => {
    const [partitionA, partitionB] = [ofA?.get(number), ofB?.get(number)];
    const changes = partitionChanges(partitionA, partitionB);
    if (changes.length === 0) return [];
    const state = partitionA === undefined ? "added" : partitionB === undefined ? "removed" : "changed";
    return [{ number, state, changes }];
  });
}

function partitionChanges(a: ExaminedPartition | undefined, b: ExaminedPartition | undefined): Change[] {
  const flag = (partition: ExaminedPartition | undefined) => partition && (partition.bootable ? "yes" : "no");
  return [
    ...changed("start", a?.startBytes, b?.startBytes),
    ...changed("size", a?.sizeBytes, b?.sizeBytes),
    ...changed("type", a?.type, b?.type),
    ...changed("id", a?.id, b?.id),
    ...changed("name", a?.name, b?.name),
    ...changed("bootable", flag(a), flag(b)),
  ];
}

/** What lies outside of partitions in both. */
async function compareGaps(a: ExaminedImage, b: ExaminedImage, signal: AbortSignal): Promise<Ranges> {
  // Where the whole disks are compared, there is nothing outside.
  const areWhole = a.whole !== undefined && b.whole !== undefined;
  if (a.table === undefined || b.table === undefined || areWhole) return { ranges: [], isCut: false };
  const gapsA = gapsOf(a.image.disk.sizeBytes, a.table);
  const gapsB = gapsOf(b.image.disk.sizeBytes, b.table);
  const found: { offsetBytes: number; lengthBytes: number }[] = [];
  for (const gapA of gapsA)
    for (const gapB of gapsB) {
      const from = Math.max(gapA.offsetBytes, gapB.offsetBytes);
      const length = Math.min(gapA.offsetBytes + gapA.lengthBytes, gapB.offsetBytes + gapB.lengthBytes) - from;
      if (length <= 0) continue;
      const [sliceA, sliceB] = [a, b].map(({ image }) => sliceSource(image.disk, from, length));
      const { ranges, isCut } = await differentRanges(
        sliceA as ByteSource,
        sliceB as ByteSource,
        signal,
        mostRanges - found.length,
      );
      found.push(...ranges.map((range) => ({ ...range, offsetBytes: range.offsetBytes + from })));
      if (isCut) return { ranges: found, isCut: true };
    }
  return { ranges: found, isCut: false };
}

function pairs(a: readonly Volume[], b: readonly Volume[]): [Volume | undefined, Volume | undefined][] {
  const numbers = new Set([...a, ...b].map(({ number }) => number));
  return [...numbers].map((number) => [
    a.find((volume) => volume.number === number),
    b.find((volume) => volume.number === number),
  ]);
}
