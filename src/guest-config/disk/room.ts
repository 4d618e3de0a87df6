import type { Host } from "../initializer/host.ts";
import { partitionNames, readMounts, readNumber, unitBytes, type Volume, volumeOfMount } from "./block-devices.ts";
import { growthBytes } from "./file-system-size.ts";

const MiB = 1024 ** 2;
/** Partitions end at whole MiB, and behind a GPT's last one are its backup and up to a MiB: less than this is not worth a new table. */
const leastRoomBytes = 2 * MiB;
/** A file system need not fill its last MiB. */
export const leastGrowthBytes = MiB;

/** A file system that is to grow, and where it is. */
export interface Target {
  readonly volume: Volume;
  readonly mountPath: string;
  readonly type: string;
  readonly isReadOnly: boolean;
}

/**
 * Whether the disk of the root file system has room behind its last partition, or the file system is smaller than its partition. From sysfs and the superblock alone, in a few
 * milliseconds; starts nothing.
 */
export function needsGrowth(host: Host): boolean {
  const target = findRoot(host);
  if (target === undefined || target.isReadOnly) return false;
  return roomBytes(host, target.volume) > 0 || (growthBytes(host, target.volume) ?? 0) >= leastGrowthBytes;
}

/**
 * The root, if it is on a block device and can grow; else what holds its changes: the writable file system on a partition, which the initrd has mounted (an overlay
 * does not say where its layers are).
 */
export function findRoot(host: Host): Target | undefined {
  const mounts = readMounts(host);
  const root = mounts.filter(({ path }) => path === "/").at(-1);
  for (const mount of [root, ...mounts.filter(({ isReadOnly }) => !isReadOnly)]) {
    if (mount === undefined || !/^(ext[234]|xfs|btrfs)$/.test(mount.type)) continue;
    const volume = volumeOfMount(host, mount);
    if (volume === undefined || (mount !== root && volume.partition === undefined)) continue;
    return { volume, mountPath: mount.path, type: mount.type, isReadOnly: mount.isReadOnly };
  }
  return undefined;
}

/** Bytes behind the last partition of a partition's disk, whichever that is; zero if it is too little, and for what is no partition. */
export function roomBytes(host: Host, { partition, sizeBytes }: Volume): number {
  if (partition === undefined) return 0;
  const { disk, startBytes } = partition;
  let endBytes = startBytes + sizeBytes;
  // Most have none: then there is no need to look at the others.
  if (disk.sizeBytes - endBytes < leastRoomBytes) return 0;
  for (const name of partitionNames(host, disk.name)) {
    const end = ((readNumber(host, name, "start") ?? 0) + (readNumber(host, name, "size") ?? 0)) * unitBytes;
    endBytes = Math.max(endBytes, end);
  }
  const room = disk.sizeBytes - endBytes;
  return room < leastRoomBytes ? 0 : room;
}
