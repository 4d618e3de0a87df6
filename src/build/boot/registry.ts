import type { Bootloader } from "./bootloader.ts";
import { grubBios } from "./grub-bios.ts";
import { grubEfi } from "./grub-efi.ts";
import { uki } from "./uki.ts";

export const bootloaders = {
  "grub-bios": grubBios,
  "grub-efi": grubEfi,
  uki,
} as const satisfies Record<string, Bootloader>;
