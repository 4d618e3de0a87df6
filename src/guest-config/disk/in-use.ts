import type { Host } from "../initializer/host.ts";
import { partitionNames, readMounts, type Volume, volumeOfMount } from "./block-devices.ts";

/** Whether a disk, or one of its partitions, or a partition, is mounted, swapped to, or part of something mapped. Writing there would destroy what is used. */
export function isInUse(host: Host, volume: Volume): boolean {
  const names = [volume.name, ...(volume.partition === undefined ? partitionNames(host, volume.name) : [])];
  const swaps = (host.readText("/proc/swaps") ?? "").split("\n").map((line) => line.split(/\s/)[0]);
  return (
    names.some((name) => swaps.includes(`/dev/${name}`) || host.list(`/sys/class/block/${name}/holders`).length > 0) ||
    readMounts(host).some((mount) => {
      const mounted = volumeOfMount(host, mount)?.name;
      return mounted !== undefined && names.includes(mounted);
    })
  );
}
