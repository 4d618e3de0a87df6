/** The image files that can be written. */
export const outputFormats = ["raw", "qcow2", "vhd", "vhd-fixed", "vmdk", "vmdk-flat", "vdi"] as const;

/** What starts a machine. `uefi-secure`: UEFI with Secure Boot enforced, by the keys that machines come with. */
export const firmwares = ["bios", "uefi", "uefi-secure"] as const;
export type Firmware = (typeof firmwares)[number];
