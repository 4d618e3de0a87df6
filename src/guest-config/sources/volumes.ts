import type { Host } from "../initializer/host.ts";
import { openFat } from "./fat-reader.ts";
import type { FileReader } from "./file-reader.ts";
import { openIso } from "./iso-reader.ts";
import { type ByteReader, readVolume, type Volume } from "./volume-label.ts";

/** A device with a file system that a source may be on. */
export interface FoundVolume extends Volume {
  /** `/dev/sr0` */
  readonly device: string;
  readonly isPartition: boolean;
  /** Undefined if its root directory cannot be read. */
  open(): FileReader | undefined;
}

export function hasLabel({ labels }: Volume, label: string): boolean {
  // cloud-init wants all lower or all upper case. Nothing else has a label like it, so any case will do here.
  return labels.some((text) => text.toLowerCase() === label);
}

const mostDevices = 64;

/**
 * CDs, disks and partitions with ISO 9660 or FAT; later names first, so that a disk that was added wins over the one that we run from. Every device is opened once, which
 * also wakes up a CD drive.
 */
export function findVolumes(host: Host): FoundVolume[] {
  const names = host.list("/sys/class/block").filter((name) => !/^(loop|ram|zram|nbd|fd|dm-|md)\d/.test(name));
  const isCd = (name: string) => /^(sr|cd)\d/.test(name);
  const ordered = [...names.filter(isCd).reverse(), ...names.filter((name) => !isCd(name)).reverse()];
  return ordered.slice(0, mostDevices).flatMap((name) => {
    // In sysfs an exclamation mark stands for the slash of /dev/cciss/c0d0.
    const device = `/dev/${name.replaceAll("!", "/")}`;
    const read = windowReader(host, device);
    const volume = readVolume(read);
    if (volume === undefined) return [];
    let opened: { readonly files: FileReader | undefined } | undefined;
    const open = () => {
      opened ??= { files: volume.fileSystem === "vfat" ? openFat(read) : openIso(read) };
      return opened.files;
    };
    const isPartition = host.readText(`/sys/class/block/${name}/partition`) !== undefined;
    return [{ ...volume, device, isPartition, open }];
  });
}

/** Label, directories and files of a drive as clouds make it lie in the first window. Opening a CD drive costs milliseconds. */
const windowBytes = 128 << 10;
const mostWindows = 64;
/** A damaged file system that sends its reader hither and thither is given up. */
const mostReads = 512;

function windowReader(host: Host, path: string): ByteReader {
  const windows = new Map<number, Uint8Array | undefined>();
  let reads = 0;
  const readDevice = (offsetBytes: number, lengthBytes: number) =>
    ++reads > mostReads ? undefined : host.readBytes(path, offsetBytes, lengthBytes);
  return (offsetBytes, lengthBytes) => {
    const index = Math.floor(offsetBytes / windowBytes);
    const at = offsetBytes - index * windowBytes;
    if (at + lengthBytes > windowBytes || (windows.size >= mostWindows && !windows.has(index)))
      return readDevice(offsetBytes, lengthBytes);
    if (!windows.has(index)) windows.set(index, readDevice(index * windowBytes, windowBytes));
    return windows.get(index)?.subarray(at, at + lengthBytes);
  };
}
