import type { Host } from "../initializer/host.ts";
import { quote, run } from "../initializer/processes.ts";
import { type Disk, readMounts, readNumber, unitBytes, type Volume, volumeOfMount } from "./block-devices.ts";
import type { Sectors } from "./sectors.ts";
import { planTable } from "./table.ts";

const tellLimitMs = 5000;

export interface PartitionGrowth {
  /** As the kernel knows it in the end. */
  readonly sizeBytes: number;
  /** Why it does not reach the end of the disk. */
  readonly limit?: string | undefined;
  readonly isProblem?: boolean | undefined;
}

/** Extends a partition to the end of its disk if it is the last one there, first in the table, then in the kernel. Throws an Error if the disk cannot be written. */
export function growPartition(host: Host, volume: Volume): PartitionGrowth {
  const { partition, sizeBytes } = volume;
  if (partition === undefined) return { sizeBytes };
  const { disk, startBytes, number } = partition;
  const sectors = sectorsOf(host, disk);
  const wanted = { number, startLba: startBytes / sectors.sectorBytes };
  let wantedBytes = sizeBytes;
  let limit: string | undefined;
  // A table that was half changed when the power failed takes two rounds; the last one finds nothing to do, so that all has been read back.
  for (let round = 0; ; round++) {
    const plan = planTable(sectors, wanted);
    if ("reason" in plan) return { sizeBytes, limit: plan.reason, isProblem: plan.isProblem };
    wantedBytes = plan.sectorCount * sectors.sectorBytes;
    limit = plan.limit;
    if (plan.writes.length === 0) break;
    if (round > 2) return { sizeBytes, limit: `${disk.path} does not keep what is written to it`, isProblem: true };
    for (const { lba, bytes } of plan.writes) host.writeAt(disk.path, lba * sectors.sectorBytes, bytes);
  }
  if (wantedBytes !== sizeBytes) tellKernel(host, disk, number, wantedBytes);
  const nowBytes = (readNumber(host, volume.name, "size") ?? 0) * unitBytes;
  if (nowBytes === wantedBytes) return { sizeBytes: nowBytes, limit };
  return { sizeBytes: nowBytes, limit: "the kernel takes its new size at the next boot only", isProblem: true };
}

export function sectorsOf(host: Host, { name, path, sizeBytes }: Disk): Sectors {
  const sectorBytes = readNumber(host, name, "queue/logical_block_size") ?? unitBytes;
  return {
    sectorBytes,
    count: Math.floor(sizeBytes / sectorBytes),
    read(lba, count) {
      const bytes = host.readBytes(path, lba * sectorBytes, count * sectorBytes);
      return bytes?.length === count * sectorBytes ? bytes : undefined;
    },
  };
}

/** busybox has no program that resizes a partition of a disk in use; images without one can have the whole table read again if nothing of the disk is mounted. */
function tellKernel(host: Host, disk: Disk, number: number, sizeBytes: number): void {
  const path = quote(disk.path);
  const isMounted = readMounts(host).some((mount) => {
    const volume = volumeOfMount(host, mount);
    return volume?.name === disk.name || volume?.partition?.disk.name === disk.name;
  });
  const commands = [`resizepart ${path} ${number} ${sizeBytes / unitBytes}`, `partx -u --nr ${number} ${path}`];
  if (!isMounted) commands.push(`blockdev --rereadpt ${path}`);
  run(host, { argv: ["sh", "-c", commands.join(" || ")], outputPath: "/run/cloudimg/grow.log" }, tellLimitMs);
}
