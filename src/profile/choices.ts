import type { Firmware } from "./machine-words.ts";
import type { Profile } from "./schema.ts";

export type PartitionTableName = NonNullable<Profile["disk"]["partitionTable"]>;

/** What the words of `disk.partitionTable` mean. */
interface TableChoice {
  readonly table: "none" | "mbr" | "gpt";
  readonly bios: boolean;
  readonly efi: boolean;
}

export const tableChoices: Readonly<Record<PartitionTableName, TableChoice>> = {
  none: { table: "none", bios: true, efi: false },
  legacy: { table: "mbr", bios: true, efi: false },
  "legacy+gpt": { table: "gpt", bios: true, efi: false },
  efi: { table: "gpt", bios: false, efi: true },
  hybrid: { table: "gpt", bios: true, efi: true },
  universal: { table: "mbr", bios: true, efi: true },
};

/** The partition table of a profile: what it says, or what suits its processor best. */
export function partitionTableOf({ image, disk }: Pick<Profile, "image" | "disk">): PartitionTableName {
  if (disk.partitionTable !== undefined) return disk.partitionTable;
  if (disk.fileSystem === "iso9660") return "none";
  return image.arch === "amd64" ? "universal" : "efi";
}

/** What machines an image of this profile boots on, best first; empty for one whose kernel must be handed to the machine. */
export function firmwaresOf(profile: Pick<Profile, "image" | "disk" | "boot" | "kernel">): readonly Firmware[] {
  const { disk, image, boot, kernel } = profile;
  const name = partitionTableOf(profile);
  const { bios, efi } = disk.fileSystem === "iso9660" ? { bios: true, efi: true } : tableChoices[name];
  const found: Firmware[] = [];
  // A squashfs begins at its disk's first byte and leaves no room for boot code.
  if (bios && image.arch === "amd64" && !(name === "none" && disk.fileSystem === "squashfs")) found.push("bios");
  if (efi) {
    found.push("uefi");
    // What Debian signs: shim, GRUB and its kernels, but nothing for RISC-V, and no GRUB that loads further modules.
    const signed = boot.efi === "grub" && image.arch !== "riscv64" && kernel.file === undefined;
    if (signed && kernel.protocol === "linux") found.push("uefi-secure");
  }
  return found;
}

/** The words of the kernel's command line. The first serial port of ARM machines is an Arm UART, which Linux calls ttyAMA0, in every cloud that publishing goes to. */
export function commandLine({ image, kernel }: Pick<Profile, "image" | "kernel">): readonly string[] {
  if (image.arch !== "arm64") return kernel.cmdline;
  return kernel.cmdline.map((word) => word.replace(/^console=ttyS(?=\d)/, "console=ttyAMA"));
}
