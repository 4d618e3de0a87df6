import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Arch, BootRequest } from "../../../src/build/boot/bootloader.ts";
import { grubEfi } from "../../../src/build/boot/grub-efi.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { runOracle } from "../../oracles/run.ts";
import { bootEntry, bootRequest } from "./bootloader-contract.ts";
import { grubPackage } from "./grub-package.ts";
import { loaderPackages } from "./loader-packages.ts";
import { debianAuthority, microsoftAuthority } from "./signers.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-grub-efi-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const multiboot: BootRequest["entry"] = {
  ...bootEntry,
  ...{ protocol: "multiboot2", initrdPath: undefined, root: undefined },
  modules: [{ path: "/boot/module one", args: "a b" }],
};

async function planFor(arch: Arch, changes: Partial<BootRequest> = {}) {
  const files = await loaderPackages(arch, grubEfi.packages(arch, changes.entry?.protocol));
  return await grubEfi.plan({ ...bootRequest, arch, files, ...changes });
}

function bytesOf(tree: Tree, path: string): Uint8Array {
  const node = tree.get(path);
  if (node?.type !== "file") throw new Error(`no ${path}`);
  return readAll(node.content);
}

function filesIn(tree: Tree): string[] {
  return [...tree.entries()].filter(([, { type }]) => type === "file").map(([path]) => path);
}

describe("GRUB for UEFI", () => {
  test.for<[Arch, string[]]>([
    ["amd64", ["/EFI/BOOT/BOOTX64.EFI", "/EFI/BOOT/grubx64.efi", "/EFI/debian/grub.cfg"]],
    ["arm64", ["/EFI/BOOT/BOOTAA64.EFI", "/EFI/BOOT/grubaa64.efi", "/EFI/debian/grub.cfg"]],
    ["riscv64", ["/EFI/BOOT/BOOTRISCV64.EFI", "/EFI/debian/grub.cfg"]],
  ])("has its files at the path for removable media (%s)", async ([arch, paths]) => {
    const { espFiles, rootFiles, notes } = await planFor(arch);
    expect(filesIn(espFiles)).toEqual(paths);
    expect(filesIn(rootFiles)).toEqual(["/boot/grub/grub.cfg"]);
    expect(notes).toEqual(arch === "riscv64" ? ["no Secure Boot: Debian's GRUB for riscv64 is not signed"] : []);
  });

  test.for<[Arch, string]>([
    ["amd64", "x64"],
    ["arm64", "aa64"],
  ])("is signed by Debian, and started by what Microsoft has signed (%s)", async ([arch, suffix]) => {
    const { espFiles } = await planFor(arch);
    const at = (name: string) => {
      const path = join(directory, `${arch}-${name}`);
      writeFileSync(path, bytesOf(espFiles, `/EFI/BOOT/${name}`));
      return path;
    };
    const signers = {
      [`BOOT${suffix.toUpperCase()}.EFI`]: await microsoftAuthority(directory),
      [`grub${suffix}.efi`]: await debianAuthority(directory),
    };
    for (const [name, certificate] of Object.entries(signers))
      expect(await runOracle("sbverify", ["--cert", certificate, at(name)])).toEqual({
        status: 0,
        output: expect.stringMatching(/^Signature verification OK\n/),
      });
  });

  test("its configuration is in GRUB's language, and leads to the root by its UUID", async () => {
    const [program = "", ...args] = (await grubPackage()).command("grub-script-check");
    for (const entry of [bootEntry, multiboot]) {
      const { espFiles } = await planFor("amd64", { entry });
      const path = join(directory, "grub.cfg");
      const config = bytesOf(espFiles, "/EFI/debian/grub.cfg");
      writeFileSync(path, config);
      const { status, stderr } = spawnSync(program, [...args, path], { encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(Buffer.from(config).toString()).toContain(bootRequest.rootUuid);
    }
  });

  test("for multiboot it brings modules, which Secure Boot refuses: that is noted", async () => {
    const { espFiles, rootFiles, notes } = await planFor("amd64", { entry: multiboot });
    const modules = filesIn(espFiles).filter((path) => path.endsWith(".mod"));
    expect(modules).toContain("/EFI/debian/x86_64-efi/multiboot2.mod");
    expect(modules).toContain("/EFI/debian/x86_64-efi/relocator.mod");
    expect(Buffer.from(bytesOf(espFiles, "/EFI/debian/grub.cfg")).toString()).toContain("insmod multiboot2\n");
    expect(Buffer.from(bytesOf(rootFiles, "/boot/grub/grub.cfg")).toString()).toContain(
      "  module2 '/boot/module one' a b\n",
    );
    expect(notes).toEqual(["no Secure Boot with multiboot2: GRUB's module for it is not in what Debian signs"]);
    await expect(planFor("arm64", { entry: multiboot })).rejects.toThrow("that protocol is for PCs");
  });

  test("on a CD it looks for its configuration on the CD itself, not in the boot image", async () => {
    const { espFiles, rootFiles } = await planFor("amd64", { fileSystemModules: ["iso9660"] });
    expect(filesIn(rootFiles)).toEqual(["/EFI/debian/grub.cfg", "/boot/grub/grub.cfg"]);
    expect(bytesOf(rootFiles, "/EFI/debian/grub.cfg")).toEqual(bytesOf(espFiles, "/EFI/debian/grub.cfg"));
  });
});
