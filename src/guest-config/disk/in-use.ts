import type { Host } from "../initializer/host.ts";
import { quote, run } from "../initializer/processes.ts";
import { partitionNames, readMounts, type Volume, volumeOfMount } from "./block-devices.ts";

const askLimitMs = 5000;

/**
 * Whether a disk, or one of its partitions, or a partition, is mounted, swapped to, or part of something mapped. Writing there would destroy what is used. What an initrd has mounted
 * below an overlay is in no list; but the kernel does not read the table of such a disk again.
 */
export function isInUse(host: Host, volume: Volume): boolean {
  const disk = volume.partition?.disk ?? volume;
  const used = usedNames(host);
  const isUsed = (name: string) => used.includes(name) || host.list(`/sys/class/block/${name}/holders`).length > 0;
  const all = [disk.name, ...partitionNames(host, disk.name)];
  if (volume.partition === undefined ? all.some(isUsed) : isUsed(volume.name)) return true;
  return !all.some(isUsed) && isBusy(host, disk.path);
}

function usedNames(host: Host): string[] {
  const swaps = (host.readText("/proc/swaps") ?? "").split("\n").map((line) => line.replace(/^\/dev\/|\s.*$/g, ""));
  return [...swaps, ...readMounts(host).flatMap((mount) => volumeOfMount(host, mount)?.name ?? [])];
}

function isBusy(host: Host, path: string): boolean {
  const argv = ["sh", "-c", `blockdev --rereadpt ${quote(path)}`];
  const { status, output } = run(host, { argv, outputPath: "/run/cloudimg/in-use.log" }, askLimitMs);
  return status !== 0 && /busy/i.test(output);
}
