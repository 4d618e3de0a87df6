import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Bootloader, BootRequest } from "../../src/build/boot/bootloader.ts";
import { grubBios } from "../../src/build/boot/grub-bios.ts";
import { grubEfi } from "../../src/build/boot/grub-efi.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";
import type { Firmware } from "../../src/profile/machine-words.ts";
import { bootRequest } from "../build/boot/bootloader-contract.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { cloudKernel } from "./cloud-kernel.ts";
import { gap, handMadeDisk } from "./hand-made-disk.ts";
import { bootImage } from "./run-disk.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-multiboot-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Debian's Xen hypervisor: a multiboot kernel that nobody here wrote, compressed with gzip. */
async function xen(): Promise<ByteSource> {
  const files = await loaderPackages("amd64", ["xen-hypervisor-4.20-amd64"]);
  const name = files.list("/boot").find((candidate) => candidate.endsWith(".gz"));
  const node = files.get(`/boot/${name}`);
  if (node?.type !== "file") throw new Error("the package has no hypervisor");
  return node.content;
}

describe("Debian's Xen, loaded by GRUB from our disk", { timeout: 300_000 }, () => {
  test.for<[BootRequest["entry"]["protocol"], Firmware, Bootloader]>([
    ["multiboot2", "bios", grubBios],
    ["multiboot", "bios", grubBios],
    ["multiboot2", "uefi", grubEfi],
  ])("by %s under %s: it gets its command line, and Linux as its module", async ([protocol, firmware, loader]) => {
    const entry: BootRequest["entry"] = {
      ...{ protocol, kernelPath: "/boot/xen.gz", initrdPath: undefined, root: undefined },
      ...{ cmdline: "console=com1 com1=115200,8n1 noreboot" },
      modules: [{ path: "/boot/vmlinuz", args: "console=hvc0 probe=1" }],
    };
    const files = await loaderPackages("amd64", loader.packages("amd64", protocol));
    const boots = [await loader.plan({ ...bootRequest, files, entry, area: gap })];
    const path = await handMadeDisk(directory, `${protocol}-${firmware}`, {
      ...bootRequest,
      boots,
      files: { "/boot/xen.gz": await xen(), "/boot/vmlinuz": await cloudKernel() },
    });
    const said = await bootImage(path, { firmware, until: /Dom0 kernel: |Panic on/ });
    expect(said).toMatch(/\(XEN\) Xen version 4\.\d+/);
    expect(said).toContain(`(XEN) Command line: ${entry.cmdline}`);
    // The kernel for clouds is not made to be Xen's first guest, but Xen has read it.
    expect(said).toContain("Dom0 kernel: 64-bit");
  });
});
