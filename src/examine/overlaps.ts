import type { ReadPartition } from "../build/partitions/partition-table.ts";

type Place = Pick<ReadPartition, "number" | "startBytes" | "sizeBytes">;

/**
 * What is wrong with where partitions lie: on one another, or on the table itself. Each is compared with one other only: a table can have thousands, made to take long. Empty
 * ones are in nobody's way; Linux passes over them too.
 */
export function overlapsOf(partitions: readonly Place[]): string[] {
  const problems: string[] = [];
  let furthest: Place | undefined;
  for (const each of partitions.toSorted((a, b) => a.startBytes - b.startBytes)) {
    if (each.sizeBytes === 0) continue;
    if (each.startBytes === 0) problems.push(`partition ${each.number} covers the partition table`);
    const furthestBytes = furthest === undefined ? 0 : furthest.startBytes + furthest.sizeBytes;
    if (furthest !== undefined && each.startBytes < furthestBytes)
      problems.push(`partition ${each.number} overlaps partition ${furthest.number}`);
    if (each.startBytes + each.sizeBytes > furthestBytes) furthest = each;
  }
  return problems;
}
