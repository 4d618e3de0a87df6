import type { Bootloader } from "./bootloader.ts";
import { grubBios, grubCd } from "./grub-bios.ts";
import { grubEfi } from "./grub-efi.ts";
import { uki } from "./uki.ts";

export const bootloaders = {
  "grub-bios": grubBios,
  "grub-cd": grubCd,
  "grub-efi": grubEfi,
  uki,
} as const satisfies Record<string, Bootloader>;
