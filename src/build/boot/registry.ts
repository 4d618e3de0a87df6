import type { Bootloader } from "./bootloader.ts";
import { grubBios } from "./grub-bios.ts";

export const bootloaders = { "grub-bios": grubBios } as const satisfies Record<string, Bootloader>;
