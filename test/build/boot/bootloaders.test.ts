import { describe } from "vitest";
import type { Bootloader } from "../../../src/build/boot/bootloader.ts";
import { bootloaders } from "../../../src/build/boot/registry.ts";
import { bootloaderContract } from "./bootloader-contract.ts";
import { grubPackage } from "./grub-package.ts";

const filesOf = { "grub-bios": async () => (await grubPackage()).files };

for (const [name, bootloader] of Object.entries(bootloaders) as [keyof typeof bootloaders, Bootloader][])
  describe(name, () => bootloaderContract(bootloader, filesOf[name]));
