import type { ByteSource } from "../../core/byte-source.ts";
import { type DecodedMbr, decodeMbr } from "./mbr-format.ts";
import type { PartitionKind, ReadPartition, ReadTable } from "./partition-table.ts";

const sectorBytes = 512;
/** 0xEE says that the real table is a GPT; the others are containers of logical partitions. */
const protectiveType = 0xee;
const extendedTypes: readonly number[] = [0x05, 0x0f, 0x85];
/** More logical partitions than Linux gives names to (block/partitions/msdos.c stops at its own limit, 256). */
const maxLogical = 252;

const kinds = new Map<number, PartitionKind>([
  [0x82, "swap"],
  [0x83, "linux"],
  [0xef, "esp"],
  ...[0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e].map((type) => [type, "fat"] as const),
]);

/**
 * An MBR with its logical partitions. A GPT's protective MBR is no table of its own, and a FAT boot sector, which ends with the same signature, is none either: its "entries"
 * are code, with states that no table has.
 */
export function readMbr(disk: ByteSource): ReadTable | undefined {
  const decoded = sectorAt(disk, 0);
  if (decoded === undefined) return undefined;
  const { partitions, diskSignature } = decoded;
  if (partitions.some(({ type }) => type === protectiveType)) return undefined;
  const id = diskSignature.toString(16).padStart(8, "0");
  const problems: string[] = [];
  const primary = partitions.map((partition) => describe(partition, id));
  const container = partitions.find(({ type }) => extendedTypes.includes(type));
  const logical = container === undefined ? [] : readLogical(disk, container.startBytes, id, problems);
  for (const { number, startBytes, sizeBytes } of [...primary, ...logical])
    if (startBytes + sizeBytes > disk.sizeBytes) problems.push(`partition ${number} reaches past the end of the disk`);
  return { name: "mbr", id, partitions: [...primary, ...logical], problems };
}

/** The first sector as a table, or nothing if it cannot be one. */
function sectorAt(disk: ByteSource, offsetBytes: number): DecodedMbr | undefined {
  if (offsetBytes < 0 || offsetBytes + sectorBytes > disk.sizeBytes) return undefined;
  const sector = new Uint8Array(sectorBytes);
  disk.read(sector, offsetBytes);
  // A table's states are 0x00 or 0x80; Linux asks the same (msdos_partition, "pboot").
  for (let slot = 0; slot < 4; slot++) if (((sector[446 + slot * 16] as number) & 0x7f) !== 0) return undefined;
  return decodeMbr(sector);
}

/** The chain of logical partitions: each link is a table with a partition, relative to itself, and the next link, relative to the container. */
function readLogical(disk: ByteSource, containerBytes: number, id: string, problems: string[]): ReadPartition[] {
  const found: ReadPartition[] = [];
  const seen = new Set<number>();
  let linkBytes: number | undefined = containerBytes;
  while (linkBytes !== undefined) {
    if (seen.has(linkBytes) || found.length >= maxLogical) {
      problems.push("its chain of logical partitions goes round in circles");
      break;
    }
    seen.add(linkBytes);
    const link: DecodedMbr | undefined = sectorAt(disk, linkBytes);
    if (link === undefined) {
      problems.push(`its chain of logical partitions is broken at byte ${linkBytes}`);
      break;
    }
    const base = linkBytes;
    const next = link.partitions.find(({ type }) => extendedTypes.includes(type));
    const partition = link.partitions.find(({ type }) => !extendedTypes.includes(type));
    if (partition !== undefined)
      found.push(describe({ ...partition, number: 5 + found.length, startBytes: base + partition.startBytes }, id));
    linkBytes = next === undefined ? undefined : containerBytes + next.startBytes;
  }
  return found;
}

function describe(partition: DecodedMbr["partitions"][number], id: string): ReadPartition {
  const { number, startBytes, sizeBytes, type, bootable } = partition;
  return {
    ...{ number, startBytes, sizeBytes, bootable, name: "" },
    type: `0x${type.toString(16).padStart(2, "0")}`,
    kind: kinds.get(type),
    id: `${id}-${number.toString(16).padStart(2, "0")}`,
  };
}
