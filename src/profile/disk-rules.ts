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

/** What boot loaders read, what the initrd mounts, and what init and its mount(8) are made of. */
const neededEarly =
  /^\/$|^\/(boot|dev|etc|proc|run|sys)(\/|$)|^\/usr$|^(\/usr)?\/(bin|sbin|lib|lib32|lib64|libx32|libexec)(\/|$)/;

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
    if (
      mount !== undefined &&
      (neededEarly.test(mount) || (disk.fileSystem === "squashfs" && /^\/data(\/|$)/.test(mount)))
    )
      report(
        [...path, "mount"],
        `${mount} cannot be a partition of its own`,
        "it is needed before partitions are mounted",
      );
    if (fileSystem === "fat" && (label ?? "").length > 11)
      report([...path, "label"], "the label of a FAT file system has at most 11 characters");
    if (size < 1024 ** 2) report([...path, "size"], "a partition has at least 1MiB");
    if (fileSystem === "fat" && label === undefined && /["*+,./:;<=>?[\\\]|]/.test(name.slice(0, 11)))
      report([...path, "name"], `the label of a FAT file system cannot be ${name}`, "set label");
    if (disk.partitions.findIndex((other) => other.name === name) < index)
      report([...path, "name"], `there are two partitions named ${name}`, "rename one of the two");
  });
  checkIds(profile, report);
  if (tableChoices[partitionTableOf(profile)].table !== "mbr") return;
  const own = (disk.fileSystem === "squashfs" ? 2 : 1) + (tableChoices[partitionTableOf(profile)].efi ? 1 : 0);
  if (own + disk.partitions.length > 4)
    report(
      ["disk", "partitions"],
      `an MBR has four partitions, this disk would have ${own + disk.partitions.length}`,
      'use a GPT: disk.partitionTable "hybrid", "efi" or "legacy+gpt"',
    );
}

/** What has the same name cannot be told apart: the guest would mount one for the other. */
function checkIds({ disk }: Profile, report: Report): void {
  interface Given {
    readonly path: ProfilePath;
    readonly id: string | undefined;
    /** FAT keeps the first 32 bits only. */
    readonly isShort: boolean;
  }
  const check = (what: string, given: readonly Given[]) =>
    given.forEach(({ path, id, isShort }, index) => {
      if (id === undefined) return;
      if (/^[0-]*$/.test(isShort ? id.slice(0, 8) : id))
        report(path, `a ${what} of zeros means that there is none`, "remove it: one is derived");
      const same = given
        .slice(0, index)
        .find((other) => (isShort && other.isShort ? other.id?.slice(0, 8) === id.slice(0, 8) : other.id === id));
      if (same !== undefined)
        report(
          path,
          `${same.path.join(".")} is the same ${what}${isShort ? " in the 32 bits of FAT" : ""}`,
          "change one",
        );
    });
  const partitions = disk.partitions.map((each, index) => ({ ...each, path: ["disk", "partitions", index] }));
  check("UUID", [
    { path: ["disk", "uuid"], id: disk.uuid, isShort: disk.fileSystem === "fat" },
    ...partitions.map(({ path, uuid: id, fileSystem }) => ({
      ...{ path: [...path, "uuid"], id, isShort: fileSystem === "fat" },
    })),
  ]);
  check("GUID", [
    { path: ["disk", "guid"], id: disk.guid, isShort: false },
    ...partitions.map(({ path, guid: id }) => ({ path: [...path, "guid"], id, isShort: false })),
  ]);
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
