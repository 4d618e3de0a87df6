import { firmwaresOf, partitionTableOf, tableChoices } from "./choices.ts";
import type { ProfilePath } from "./positioned.ts";
import type { Profile } from "./schema.ts";

type Report = (path: ProfilePath, reason: string, hint?: string) => void;

/** How the words about the disk, its boot loaders and its kernel fit together. */
export function checkDisk(profile: Profile, report: Report): void {
  checkSizes(profile, report);
  checkTable(profile, report);
  checkExtras(profile, report);
  checkKernel(profile, report);
  checkFirmware(profile, report);
}

function checkFirmware(profile: Profile, report: Report): void {
  const { firmware } = profile.instance;
  const possible = firmwaresOf(profile);
  // Without any, the machine is handed a kernel, which all of them start.
  if (firmware === undefined || possible.length === 0 || possible.includes(firmware)) return;
  report(
    ["instance", "firmware"],
    `the image does not boot by instance.firmware "${firmware}", but by ${possible.join(", ")}`,
    "change it, or disk.partitionTable, boot.efi or the kernel",
  );
}

function checkSizes({ disk, output, instance, image }: Profile, report: Report): void {
  if (disk.size !== "auto" && disk.size % 512 !== 0)
    report(["disk", "size"], "disk.size must be a multiple of 512 bytes, the size of a sector", "use MiB or GiB");
  if (instance.diskSize !== undefined && disk.size !== "auto" && instance.diskSize < disk.size)
    report(
      ["instance", "diskSize"],
      "instance.diskSize is smaller than disk.size",
      "an instance's disk can only be larger than its image",
    );
  const { clusterSize } = output;
  // QEMU, docs/interop/qcow2: cluster_bits is at least 9; the block driver accepts at most 21.
  if (clusterSize < 512 || clusterSize > 2 ** 21 || !Number.isInteger(Math.log2(clusterSize)))
    report(
      ["output", "clusterSize"],
      "output.clusterSize must be a power of two from 512B to 2MiB",
      "64KiB suits most",
    );
  if (output.compression === "zstd" && output.compat === "0.10")
    report(["output", "compression"], "qcow2 has zstd since compat 1.1 only", 'use "zlib", or compat "1.1"');
  for (const kind of ["vhd", "vmdk"])
    if (new Set(output.formats.filter((name) => name.startsWith(kind))).size > 1)
      report(
        ["output", "formats"],
        `both kinds of ${kind} would be the file ${image.name}.${kind}`,
        "keep one of the two; `cloudimg convert` makes the other",
      );
}

function checkTable(profile: Profile, report: Report): void {
  const { image, disk } = profile;
  const table = partitionTableOf(profile);
  const { bios, efi } = tableChoices[table];
  if (image.arch !== "amd64" && bios)
    report(
      disk.partitionTable === undefined ? ["image", "arch"] : ["disk", "partitionTable"],
      `${image.arch} machines do not boot by BIOS, which disk.partitionTable "${table}" is for`,
      'use "efi"',
    );
  if (disk.fileSystem === "iso9660" && table !== "none")
    report(
      ["disk", "fileSystem"],
      `a CD has no partition table, but disk.partitionTable is "${table}"`,
      'set disk.partitionTable to "none", or leave it out',
    );
  if (disk.fileSystem !== "squashfs" && disk.squashfs.overlay !== "tmpfs")
    report(
      ["disk", "squashfs", "overlay"],
      `an overlay on a data partition is for a squashfs root, but disk.fileSystem is "${disk.fileSystem}"`,
      'set disk.fileSystem to "squashfs", or remove it',
    );
  if (disk.ext4.features === "asterinas" && disk.ext4.journal === true)
    report(["disk", "ext4", "journal"], 'strict ext2, which features "asterinas" are, has no journal', "remove it");
  if (table === "none" && disk.partitions.length > 0)
    report(["disk", "partitions"], "a disk without a partition table cannot have further partitions");
  if (table === "none" && disk.fileSystem === "squashfs" && disk.squashfs.overlay === "data")
    report(
      ["disk", "squashfs", "overlay"],
      "a disk without a partition table has no data partition for the overlay",
      'use "tmpfs"',
    );
  if (disk.fileSystem === "fat" && disk.label.length > 11)
    report(["disk", "label"], "the label of a FAT file system has at most 11 characters");
  if (!efi && disk.bootSize !== "auto")
    report(
      ["disk", "bootSize"],
      `disk.bootSize is the size of the EFI system partition, which disk.partitionTable "${table}" does not have`,
      "remove it",
    );
  if (!efi && disk.fileSystem !== "iso9660" && profile.boot.efi === "uki")
    report(
      ["boot", "efi"],
      `disk.partitionTable "${table}" does not boot by UEFI`,
      'use "efi", "hybrid" or "universal"',
    );
}

function checkExtras(profile: Profile, report: Report): void {
  const { disk } = profile;
  const mounts = new Map<string, number>();
  disk.partitions.forEach(({ name, type, mount, fileSystem, label, size }, index) => {
    const path = ["disk", "partitions", index];
    if (type === "swap" && mount !== undefined)
      report([...path, "mount"], `the swap partition ${name} cannot be mounted`, "remove mount");
    if (type === "swap" && fileSystem !== "ext4")
      report([...path, "fileSystem"], `the swap partition ${name} has no file system`, "remove fileSystem");
    if (mount !== undefined && mounts.has(mount))
      report([...path, "mount"], `two partitions are mounted at ${mount}`, "change one of the two");
    if (mount !== undefined) mounts.set(mount, index);
    if (mount !== undefined && /^\/(boot|data|dev|etc|proc|run|sys|usr)?$/.test(mount))
      report(
        [...path, "mount"],
        `${mount} cannot be a partition of its own`,
        "it is needed before partitions are mounted",
      );
    if (fileSystem === "fat" && (label ?? "").length > 11)
      report([...path, "label"], "the label of a FAT file system has at most 11 characters");
    if (size < 1024 ** 2) report([...path, "size"], "a partition has at least 1MiB");
    if (disk.partitions.findIndex((other) => other.name === name) < index)
      report([...path, "name"], `there are two partitions named ${name}`, "rename one of the two");
  });
  if (tableChoices[partitionTableOf(profile)].table !== "mbr") return;
  const own = (disk.fileSystem === "squashfs" ? 2 : 1) + (tableChoices[partitionTableOf(profile)].efi ? 1 : 0);
  if (own + disk.partitions.length > 4)
    report(
      ["disk", "partitions"],
      `an MBR has four partitions, this disk would have ${own + disk.partitions.length}`,
      'use a GPT: disk.partitionTable "hybrid", "efi" or "legacy+gpt"',
    );
}

function checkKernel(profile: Profile, report: Report): void {
  const { kernel, disk, boot, image } = profile;
  if (image.system === "none" && (disk.fileSystem === "squashfs" || disk.fileSystem === "iso9660"))
    report(
      ["disk", "fileSystem"],
      `${disk.fileSystem} as the root needs the initrd, which image.system "none" leaves out`,
      'use "ext4" or "fat"',
    );
  if (kernel.protocol !== "linux") {
    if (image.system !== "none")
      report(["kernel", "protocol"], "the system that is generated runs on Linux only", 'set image.system to "none"');
    if (kernel.file === undefined)
      report(["kernel", "protocol"], `a ${kernel.protocol} kernel is given as a file`, "set kernel.file");
    if (boot.efi === "uki") report(["boot", "efi"], `only GRUB starts ${kernel.protocol} kernels`, 'use "grub"');
  } else if (kernel.bootModules.length > 0)
    report(["kernel", "bootModules"], "boot modules are for multiboot kernels", "remove them, or set kernel.protocol");
}
