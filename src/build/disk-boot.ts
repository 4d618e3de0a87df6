import { emptySource, readAll } from "../core/byte-source.ts";
import { commandLine, firmwaresOf, tableChoices } from "../profile/choices.ts";
import type { Profile } from "../profile/schema.ts";
import type { Bootloader, BootRequest } from "./boot/bootloader.ts";
import { bootloaders } from "./boot/registry.ts";
import type { DiskRequest } from "./disk-request.ts";
import { fatSerial, type Identifiers, rootPartUuid } from "./identifiers.ts";
import { alignBytes } from "./layout.ts";
import { partitionTables } from "./partitions/registry.ts";
import { contentAt } from "./volumes.ts";

/** The boot loaders that a profile's machines need; also known before anything is resolved, for their packages. */
export function loadersOf(profile: Pick<Profile, "image" | "disk" | "boot" | "kernel">): Bootloader[] {
  const firmwares = firmwaresOf(profile);
  const found: Bootloader[] = [];
  const isCd = profile.disk.fileSystem === "iso9660";
  if (firmwares.includes("bios")) found.push(bootloaders[isCd ? "grub-cd" : "grub-bios"]);
  if (firmwares.includes("uefi")) found.push(bootloaders[profile.boot.efi === "uki" ? "uki" : "grub-efi"]);
  return found;
}

/** What the boot loaders of a disk are asked for. */
export function bootRequest(request: DiskRequest): BootRequest {
  const { profile, identifiers, tree, kernelPath, initrdPath, epochSeconds, tools } = request;
  const { kernel, image } = profile;
  const osRelease = contentAt(tree, tree.resolve("/etc/os-release") ?? "/usr/lib/os-release");
  return {
    arch: image.arch,
    files: tools,
    entry: {
      protocol: kernel.protocol,
      kernelPath,
      initrdPath,
      modules: request.bootModules,
      cmdline: commandLine(profile).join(" "),
      root: kernel.protocol === "linux" ? rootWord(profile, identifiers) : undefined,
    },
    ...bootFileSystem(profile, identifiers),
    area: bootArea(identifiers),
    kernel: contentAt(tree, kernelPath) ?? emptySource,
    initrd: initrdPath === undefined ? undefined : contentAt(tree, initrdPath),
    osRelease: osRelease === undefined ? "" : new TextDecoder().decode(readAll(osRelease)),
    epochSeconds,
    lzma: request.lzma,
  };
}

/** What the kernel's command line calls the root. */
export function rootWord({ disk }: Pick<Profile, "disk">, identifiers: Identifiers): string {
  if (disk.fileSystem === "iso9660") return `UUID=${identifiers.discId}`;
  if (disk.fileSystem === "fat") return `UUID=${fatSerial(identifiers.rootUuid)}`;
  if (disk.fileSystem === "ext4") return `UUID=${identifiers.rootUuid}`;
  // A squashfs has no UUID. Without a table there is nothing else to tell disks apart by.
  return identifiers.table === "none" ? "/dev/vda" : `PARTUUID=${rootPartUuid(identifiers)}`;
}

/** The file system that GRUB reads kernel and configuration from. */
function bootFileSystem(
  { disk }: Profile,
  { rootUuid, dataUuid, discId }: Identifiers,
): Pick<BootRequest, "rootUuid" | "fileSystemModules"> {
  if (disk.fileSystem === "iso9660") return { rootUuid: discId, fileSystemModules: ["iso9660"] };
  if (disk.fileSystem === "fat") return { rootUuid: fatSerial(rootUuid), fileSystemModules: ["fat"] };
  return { rootUuid: disk.fileSystem === "squashfs" ? dataUuid : rootUuid, fileSystemModules: ["ext2"] };
}

/** Behind an MBR the first MiB is free; in a GPT a partition is made for boot code. */
function bootArea({ table }: Identifiers): BootRequest["area"] {
  const choice = tableChoices[table];
  if (!choice.bios || choice.table === "none") return undefined;
  const { startBytes } = partitionTables[choice.table].reserved;
  return choice.table === "mbr"
    ? { startBytes, endBytes: alignBytes }
    : { startBytes: alignBytes, endBytes: 2 * alignBytes };
}
