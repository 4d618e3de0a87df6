import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Bootloader, BootPlan, BootRequest } from "../../src/build/boot/bootloader.ts";
import { grubEfi } from "../../src/build/boot/grub-efi.ts";
import { uki } from "../../src/build/boot/uki.ts";
import { cpioArchive } from "../../src/build/filesystems/cpio.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import type { Firmware } from "../../src/profile/machine-words.ts";
import { bootRequest } from "../build/boot/bootloader-contract.ts";
import { fileOf } from "../build/boot/grub-package.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { cloudKernel } from "./cloud-kernel.ts";
import { handMadeDisk } from "./hand-made-disk.ts";
import { bootImage } from "./run-disk.ts";
import { tinyInit } from "./tiny-init.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-uefi-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const { rootUuid, epochSeconds } = bootRequest;

type Arch = "amd64" | "arm64";
const consoles = { amd64: "ttyS0", arm64: "ttyAMA0" } as const;

function initrd(arch: Arch) {
  const tree = new Tree();
  tree.set("/init", { ...fileOf(tinyInit("init was here", arch)), mode: 0o755 });
  return cpioArchive(tree);
}

async function planFor(loader: Bootloader, arch: Arch): Promise<BootPlan> {
  const entry: BootRequest["entry"] = {
    ...{ protocol: "linux", kernelPath: "/boot/vmlinuz", initrdPath: "/boot/initrd.img", modules: [] },
    ...{ cmdline: `console=${consoles[arch]} panic=-1`, root: `UUID=${rootUuid}` },
  };
  return loader.plan({
    ...{ ...bootRequest, arch, entry },
    files: await loaderPackages(arch, loader.packages(arch)),
    kernel: await cloudKernel(arch),
    initrd: initrd(arch),
  });
}

/** Boots Debian's kernel by a loader; gives what was on the console. */
async function boot(name: string, firmware: Firmware, loader: Bootloader, arch: Arch = "amd64"): Promise<string> {
  const boots = [await planFor(loader, arch)];
  const files = { "/boot/vmlinuz": await cloudKernel(arch), "/boot/initrd.img": readAll(initrd(arch)) };
  const path = await handMadeDisk(directory, name, { boots, files, rootUuid, epochSeconds });
  return await bootImage(path, { firmware, arch });
}

describe("Debian's signed kernel", { timeout: 300_000 }, () => {
  test("starts under UEFI by the signed GRUB", async () => {
    const said = await boot("uefi", "uefi", grubEfi);
    expect(said).toContain(`BOOT_IMAGE=/boot/vmlinuz root=UUID=${rootUuid} console=ttyS0 panic=-1`);
    expect(said).toContain("Secure boot disabled");
    expect(said).toMatch(/init was here/);
  });

  test("starts under UEFI with Secure Boot", async () => {
    const said = await boot("secure", "uefi-secure", grubEfi);
    expect(said).toContain("Secure boot enabled");
    expect(said).toMatch(/init was here/);
  });

  test("starts under UEFI as a unified kernel image", async () => {
    const said = await boot("uki", "uefi", uki);
    expect(said).toContain(`Kernel command line: root=UUID=${rootUuid} console=ttyS0 panic=-1`);
    expect(said).toMatch(/init was here/);
  });

  test("starts on ARM with Secure Boot", async () => {
    const said = await boot("arm64", "uefi-secure", grubEfi, "arm64");
    expect(said).toContain("UEFI Secure Boot is enabled");
    expect(said).toMatch(/init was here/);
  });
});
