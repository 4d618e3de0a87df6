import type { Profile } from "../../profile/schema.ts";
import { ext4Writer } from "./ext4.ts";
import { fat, fatWriter } from "./fat.ts";
import type { FileSystemWriter } from "./filesystem-writer.ts";
import { iso9660 } from "./iso9660-writer.ts";
import { squashfsWriter } from "./squashfs.ts";

/** By the name that a profile uses, with the settings that it makes. */
export const fileSystems = {
  ext4: (disk) => ext4Writer(disk.ext4),
  squashfs: (disk) => squashfsWriter(disk.squashfs),
  fat: () => fat,
  iso9660: () => iso9660,
} as const satisfies Record<string, (disk: Profile["disk"]) => FileSystemWriter>;

/** The UEFI specification asks for FAT32 on fixed disks (2.10, section 13.3), and some firmware reads nothing else. */
export const espWriter: FileSystemWriter = fatWriter({ bits: 32 });
