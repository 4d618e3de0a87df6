import type { Host } from "../initializer/host.ts";

/** What sysfs counts in, whatever the disk's own sectors are. */
export const unitBytes = 512;

/** A line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  /** `254:1`; major 0 for what is on no block device. */
  readonly device: string;
  readonly path: string;
  readonly isReadOnly: boolean;
  readonly type: string;
  /** What was named to mount(8), if it was a device; `/dev/root` is none. */
  readonly source: string;
}

/** A disk, a partition, or something mapped onto them. */
export interface Volume {
  /** As in /sys/class/block: `vda1`. */
  readonly name: string;
  /** `/dev/vda1` */
  readonly path: string;
  readonly sizeBytes: number;
  /** If it is a partition. */
  readonly partition?: { readonly number: number; readonly startBytes: number; readonly disk: Disk } | undefined;
}

export interface Disk {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

/** In the order in which they were mounted. */
export function readMounts(host: Host): Mount[] {
  const lines = host.readText("/proc/self/mountinfo")?.split("\n") ?? [];
  return lines.flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , device = "", , path, options] = before.split(" ");
    const [type = "", source = "", superOptions = ""] = after.split(" ");
    if (path === undefined || options === undefined) return [];
    const isReadOnly = [options, superOptions].some((words) => /^ro(,|$)/.test(words));
    return [{ device, path: withoutOctal(path), isReadOnly, type, source: withoutOctal(source) }];
  });
}

/** Blanks and the like are in octal there. */
function withoutOctal(path: string): string {
  return path.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** What is mounted; btrfs has no block device's number, but tells its source. */
export function volumeOfMount(host: Host, { device, source }: Mount): Volume | undefined {
  return volumeOfDevice(host, device) ?? (device.startsWith("0:") ? findVolume(host, source) : undefined);
}

/** By device number, `254:1`: names such as /dev/root need not be devices. Undefined if there is no such block device. */
function volumeOfDevice(host: Host, device: string): Volume | undefined {
  const names = host.readLink(`/sys/dev/block/${device}`)?.split("/") ?? [];
  const name = names.at(-1);
  return name === undefined ? undefined : volumeOfName(host, name, names.at(-2));
}

/** By name, `vda1`, or path, `/dev/vda1`; follows links of /dev. */
export function findVolume(host: Host, text: string): Volume | undefined {
  if (!/^(\/dev\/)?\w/.test(text) || text.includes(":")) return undefined;
  let path = text.startsWith("/") ? text : `/dev/${text}`;
  for (let hops = 0; hops < 8; hops++) {
    const target = host.readLink(path);
    if (target === undefined) break;
    path = target.startsWith("/") ? target : resolve(`${path.slice(0, path.lastIndexOf("/"))}/${target}`);
  }
  const name = path.slice("/dev/".length).replaceAll("/", "!");
  const number = host.readText(`/sys/class/block/${name}/dev`)?.trim();
  return number === undefined ? undefined : volumeOfDevice(host, number);
}

function resolve(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/").slice(1)) {
    if (name === "..") names.pop();
    else if (name !== "." && name !== "") names.push(name);
  }
  return `/${names.join("/")}`;
}

function volumeOfName(host: Host, name: string, parent: string | undefined): Volume | undefined {
  const number = readNumber(host, name, "partition");
  const sizeBytes = sizeOf(host, name);
  if (sizeBytes === undefined) return undefined;
  const volume = { name, path: pathOf(name), sizeBytes };
  const diskBytes = number === undefined || parent === undefined ? undefined : sizeOf(host, parent);
  if (number === undefined || parent === undefined || diskBytes === undefined) return volume;
  const startBytes = (readNumber(host, name, "start") ?? 0) * unitBytes;
  const disk = { name: parent, path: pathOf(parent), sizeBytes: diskBytes };
  return { ...volume, partition: { number, startBytes, disk } };
}

/** In sysfs, a `!` stands for the slash of names such as `cciss/c0d0`. */
function pathOf(name: string): string {
  return `/dev/${name.replaceAll("!", "/")}`;
}

function sizeOf(host: Host, name: string): number | undefined {
  const units = readNumber(host, name, "size");
  return units === undefined ? undefined : units * unitBytes;
}

/** A number that sysfs tells of a block device. */
export function readNumber(host: Host, name: string, attribute: string): number | undefined {
  const text = host.readText(`/sys/class/block/${name}/${attribute}`)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The names of a disk's partitions. */
export function partitionNames(host: Host, disk: string): string[] {
  return host
    .list(`/sys/class/block/${disk}`)
    .filter((name) => name.startsWith(disk) && readNumber(host, name, "partition") !== undefined);
}
