import { describe } from "vitest";
import type { Bootloader } from "../../../src/build/boot/bootloader.ts";
import { bootloaders } from "../../../src/build/boot/registry.ts";
import { bootloaderContract } from "./bootloader-contract.ts";
import { loaderPackages } from "./loader-packages.ts";

for (const [name, bootloader] of Object.entries(bootloaders) as [string, Bootloader][])
  describe(name, () => bootloaderContract(bootloader, () => loaderPackages("amd64", bootloader.packages("amd64"))));
