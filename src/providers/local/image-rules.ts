import { commonRules } from "../common-rules.ts";
import type { ImageRules } from "../image-rules.ts";

/** QEMU on this machine: it reads everything. */
export const localRules: ImageRules = {
  title: "local QEMU",
  formats: ["raw", "qcow2", "vhd", "vhd-fixed", "vmdk", "vdi"],
  fileSystems: ["ext4", "ext3", "ext2", "xfs", "btrfs", "squashfs", "fat12", "fat16", "fat32", "iso9660"],
  rules: {
    ...commonRules,
    format: { severity: "error" },
    "uefi-only": { severity: "note" },
  },
};
