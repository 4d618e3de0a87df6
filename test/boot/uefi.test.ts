import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Bootloader, BootPlan, BootRequest } from "../../src/build/boot/bootloader.ts";
import { grubEfi } from "../../src/build/boot/grub-efi.ts";
import { uki } from "../../src/build/boot/uki.ts";
import { cpioArchive } from "../../src/build/filesystems/cpio.ts";
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

function initrd() {
  const tree = new Tree();
  tree.set("/init", { ...fileOf(tinyInit("init was here")), mode: 0o755 });
  return cpioArchive(tree);
}

async function planFor(loader: Bootloader): Promise<BootPlan> {
  const entry: BootRequest["entry"] = {
    ...{ protocol: "linux", kernelPath: "/boot/vmlinuz", initrdPath: "/boot/initrd.img", modules: [] },
    ...{ cmdline: "console=ttyS0 panic=-1", root: `UUID=${rootUuid}` },
  };
  return loader.plan({
    ...bootRequest,
    files: await loaderPackages("amd64", loader.packages("amd64")),
    entry,
    kernel: await cloudKernel(),
    initrd: initrd(),
  });
}

/** Boots Debian's kernel by these loaders; gives what was on the console. */
async function boot(name: string, firmware: Firmware, loaders: readonly Bootloader[]): Promise<string> {
  const boots = await Promise.all(loaders.map(planFor));
  const files = { "/boot/vmlinuz": await cloudKernel(), "/boot/initrd.img": initrd() };
  const path = await handMadeDisk(directory, name, { boots, files, rootUuid, epochSeconds });
  return await bootImage(path, { firmware });
}

describe("Debian's signed kernel", { timeout: 300_000 }, () => {
  test("starts under UEFI by the signed GRUB", async () => {
    const said = await boot("uefi", "uefi", [grubEfi]);
    expect(said).toContain(`BOOT_IMAGE=/boot/vmlinuz root=UUID=${rootUuid} console=ttyS0 panic=-1`);
    expect(said).toContain("Secure boot disabled");
    expect(said).toMatch(/init was here/);
  });

  test("starts under UEFI with Secure Boot", async () => {
    const said = await boot("secure", "uefi-secure", [grubEfi]);
    expect(said).toContain("Secure boot enabled");
    expect(said).toMatch(/init was here/);
  });

  test("starts under UEFI as a unified kernel image", async () => {
    const said = await boot("uki", "uefi", [uki]);
    expect(said).toContain(`Kernel command line: root=UUID=${rootUuid} console=ttyS0 panic=-1`);
    expect(said).toMatch(/init was here/);
  });
});
