import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Bootloader, BootRequest } from "../../src/build/boot/bootloader.ts";
import { cdImagePath, grubCd } from "../../src/build/boot/grub-bios.ts";
import { grubEfi } from "../../src/build/boot/grub-efi.ts";
import { cpioArchive } from "../../src/build/filesystems/cpio.ts";
import { fatWriter } from "../../src/build/filesystems/fat.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { Tree } from "../../src/core/tree.ts";
import type { Firmware } from "../../src/profile/machine-words.ts";
import { bootRequest } from "../build/boot/bootloader-contract.ts";
import { fileOf } from "../build/boot/grub-package.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { runOracle } from "../oracles/run.ts";
import { cloudKernel } from "./cloud-kernel.ts";
import { treeOf } from "./hand-made-disk.ts";
import { bootImage } from "./run-disk.ts";
import { tinyInit } from "./tiny-init.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-cd-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const rootUuid = "2026-11-21-12-00-00-00";

function initrd() {
  const tree = new Tree();
  tree.set("/init", { ...fileOf(tinyInit("init was here")), mode: 0o755 });
  return readAll(cpioArchive(tree));
}

async function planFor(loader: Bootloader) {
  const entry: BootRequest["entry"] = {
    ...{ protocol: "linux", kernelPath: "/boot/vmlinuz", initrdPath: "/boot/initrd.img", modules: [] },
    ...{ cmdline: "console=ttyS0 panic=-1", root: undefined },
  };
  const files = await loaderPackages("amd64", loader.packages("amd64"));
  return await loader.plan({ ...bootRequest, files, entry, rootUuid, area: undefined, fileSystemModules: ["iso9660"] });
}

/** A CD that boots both ways, made by somebody else's program from our files. */
async function makeCd(): Promise<string> {
  const [bios, efi] = [await planFor(grubCd), await planFor(grubEfi)];
  const tree = treeOf([bios, efi], { "/boot/vmlinuz": await cloudKernel(), "/boot/initrd.img": initrd() });
  const { epochSeconds } = bootRequest;
  const esp = await fatWriter().plan(
    {
      ...{
        tree: efi.espFiles,
        size: { freeBytes: 0 },
        label: "EFI",
        uuid: bootRequest.rootUuid,
        seed: "cd",
        epochSeconds,
      },
    },
    { signal: new AbortController().signal, jobs: 1 },
  );
  tree.set("/boot/efi.img", fileOf(readAll(esp.source)));
  const root = join(directory, "root");
  for (const [path, node] of tree.entries())
    if (node.type === "file") {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), readAll(node.content));
    }
  const image = join(directory, "cd.iso");
  const { status, output } = await runOracle("xorriso", [
    ...["-as", "mkisofs", "-quiet", "-R", "-J", `--modification-date=${rootUuid.replaceAll("-", "")}`, "-o", image],
    ...["-b", cdImagePath.slice(1), "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"],
    ...["-eltorito-alt-boot", "-e", "boot/efi.img", "-no-emul-boot", root],
  ]);
  expect({ status, output: status === 0 ? "" : output }).toEqual({ status: 0, output: "" });
  return image;
}

describe("GRUB on a CD", { timeout: 300_000 }, () => {
  let made: Promise<string> | undefined;

  test.for<Firmware>(["bios", "uefi-secure"])("starts Debian's kernel (%s)", async (firmware) => {
    made ??= makeCd();
    const said = await bootImage(await made, { firmware, bootFrom: "cdrom" });
    expect(said).toContain("BOOT_IMAGE=/boot/vmlinuz console=ttyS0 panic=-1");
    expect(said).toMatch(/init was here/);
    if (firmware === "uefi-secure") expect(said).toContain("Secure boot enabled");
  });

  test("has a boot image that begins as GRUB's own does", async () => {
    const { rootFiles } = await planFor(grubCd);
    const node = rootFiles.get(cdImagePath);
    const bytes = node?.type === "file" ? Buffer.from(readAll(node.content)) : Buffer.alloc(0);
    const files = await loaderPackages("amd64", grubCd.packages("amd64"));
    const theirs = files.get("/usr/lib/grub/i386-pc/cdboot.img");
    const start = theirs?.type === "file" ? readAll(theirs.content) : new Uint8Array();
    expect(start.length).toBe(2048);
    expect(bytes.subarray(0, 2048).equals(start)).toBe(true);
    expect(bytes.length % 512).toBe(0);
  });
});
