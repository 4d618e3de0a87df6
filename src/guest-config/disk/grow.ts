import type { Host } from "../initializer/host.ts";
import type { GrowSettings } from "../initializer/parts.ts";
import { waitFor } from "../initializer/processes.ts";
import type { Report } from "../initializer/report.ts";
import { findVolume, readMounts, volumeOfMount } from "./block-devices.ts";
import { growthBytes } from "./file-system-size.ts";
import { growPartition } from "./grow-partition.ts";
import { findRoot, leastGrowthBytes, roomBytes, type Target } from "./room.ts";

/** The kernel cannot be interrupted while it grows a file system, and needs not: what takes longer goes on beside the rest of the boot. */
const resizeLimitMs = 20_000;
const logPath = "/run/cloudimg/grow.log";

/** See Parts. */
export function growDisk(host: Host, settings: GrowSettings, report: Report): string | undefined {
  const said: string[] = [];
  for (const device of settings.devices) {
    try {
      const text = growOne(host, device, settings, (problem) => report.problem("grow", problem));
      if (text !== undefined) said.push(text);
    } catch (error) {
      report.problem("grow", `${device}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return said.length === 0 ? undefined : said.join("; ");
}

function growOne(
  host: Host,
  device: string,
  { growsPartition, growsFileSystem }: GrowSettings,
  problem: (text: string) => void,
): string | undefined {
  const target = findTarget(host, device);
  if (target === undefined) {
    if (device !== "/") problem(`${device} is neither a block device nor mounted from one`);
    return undefined;
  }
  const { volume, isReadOnly } = target;
  const { name } = volume;
  if (host.attributes(`/sys/class/block/${name}/dm`) !== undefined)
    return `${name} stays as it is: it is a mapped device (LVM or LUKS)`;
  const missing = growthBytes(host, volume) ?? 0;
  if (!(growsPartition && roomBytes(host, volume) > 0) && missing < leastGrowthBytes) return undefined;
  if (isReadOnly) return `${name} stays as it is: it is mounted read-only`;

  // Also when only the file system is to grow: a power failure may have left the table half changed.
  const growth = growsPartition ? growPartition(host, volume) : { sizeBytes: volume.sizeBytes };
  const { sizeBytes, limit, isProblem = false } = growth;
  if (isProblem) problem(`${name} cannot become larger: ${limit}`);
  const grown = { ...target, volume: { ...volume, sizeBytes } };
  const words: string[] = [];
  if (sizeBytes !== volume.sizeBytes) words.push(`${name} to ${inUnits(sizeBytes)}`);
  if (growsFileSystem !== false && (growthBytes(host, grown.volume) ?? 0) >= leastGrowthBytes) {
    const result = growFileSystem(host, grown, growsFileSystem === "noblock", problem);
    if (typeof result === "string") words.push(result);
    else if (result && words.length === 0) words.push(`file system of ${name} to ${inUnits(sizeBytes)}`);
  }
  if (limit !== undefined && !isProblem)
    words.push(`${name} ${sizeBytes === volume.sizeBytes ? "stays as it is" : "no further"}: ${limit}`);
  return words.length === 0 ? undefined : words.join(", ");
}

/** A mount point, a device, or `/`, which stands for what is to grow whatever the root is made of. */
function findTarget(host: Host, text: string): Target | undefined {
  if (text === "/") return findRoot(host);
  const mounts = readMounts(host);
  const mounted = mounts.filter(({ path }) => path === text).at(-1);
  const volume = mounted === undefined ? findVolume(host, text) : volumeOfMount(host, mounted);
  if (volume === undefined) return undefined;
  const mount = mounted ?? mounts.find((other) => volumeOfMount(host, other)?.name === volume.name);
  const { path: mountPath = "", type = "", isReadOnly = false } = mount ?? {};
  return { volume, mountPath, type, isReadOnly };
}

/** Whether it has grown, or what else is to be said. */
function growFileSystem(
  host: Host,
  { volume, type, mountPath }: Target,
  isInBackground: boolean,
  problem: (text: string) => void,
): boolean | string {
  const { name, path } = volume;
  const argv = programFor(type, path, mountPath);
  if (argv === undefined) return `the file system of ${name} stays as it is: it is ${type || "not mounted"}`;
  const process = host.start({ argv, outputPath: logPath });
  if (isInBackground) return "its file system grows in the background";
  const status = waitFor(host, [process], resizeLimitMs)[0];
  if (status === undefined) return "its file system still grows, in the background";
  if (status === 0) return true;
  const lines = (host.readText(logPath) ?? "").trim().split("\n");
  const why = status === 127 ? `this image has no ${argv[0]}` : `${argv[0]} ended with ${status}: ${lines.at(-1)}`;
  problem(`the file system of ${name} cannot become larger: ${why}`);
  return false;
}

function programFor(type: string, path: string, mountPath: string): string[] | undefined {
  if (/^ext[234]$/.test(type)) return ["resize2fs", path];
  if (type === "xfs") return ["xfs_growfs", mountPath];
  return type === "btrfs" ? ["btrfs", "filesystem", "resize", "max", mountPath] : undefined;
}

/** `10 GiB`, `2.5 GiB`, `200 MiB`: rounded, for people. */
function inUnits(bytes: number): string {
  const unit = bytes >= 1024 ** 3 ? 1024 ** 3 : 1024 ** 2;
  return `${Number((bytes / unit).toFixed(1))} ${unit === 1024 ** 2 ? "MiB" : "GiB"}`;
}
