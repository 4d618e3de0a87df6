import type { Bootloader } from "./bootloader.ts";
import { grubBios } from "./grub-bios.ts";
import { grubEfi } from "./grub-efi.ts";

export const bootloaders = { "grub-bios": grubBios, "grub-efi": grubEfi } as const satisfies Record<string, Bootloader>;
