import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { uki } from "../../src/build/boot/uki.ts";
import { type ByteSource, bytesSource, composeSource, readAll, zeroSource } from "../../src/core/byte-source.ts";
import type { FileNode, Tree } from "../../src/core/tree.ts";
import { readBootCode } from "../../src/examine/boot-code.ts";
import { findBootConfigs, parseGrub, parseLoaderEntry, parseSyslinux } from "../../src/examine/boot-entries.ts";
import { findEfiPrograms } from "../../src/examine/efi-programs.ts";
import { findInitrds, findKernels, findModules, readKernel } from "../../src/examine/kernels.ts";
import { readPe } from "../../src/examine/pe.ts";
import { cloudKernel } from "../boot/cloud-kernel.ts";
import { bootRequest } from "../build/boot/bootloader-contract.ts";
import { loaderPackages } from "../build/boot/loader-packages.ts";
import { file, symlink } from "../build/filesystems/images.ts";
import { treeOf } from "../build/filesystems/requests.ts";
import { scratchDirectory, tool } from "./images.ts";

const scratch = scratchDirectory();

async function fromPackages(arch: "amd64" | "riscv64", names: readonly string[], path: string): Promise<FileNode> {
  const node = (await loaderPackages(arch, names)).get(path);
  if (node?.type !== "file") throw new Error(`no ${path}`);
  return node;
}

const programsIn = (files: Record<string, FileNode>) => findEfiPrograms(treeOf(files));

describe("EFI programs of Debian", { timeout: 120_000 }, () => {
  test("shim and GRUB, signed", async () => {
    const shim = await fromPackages("amd64", ["shim-signed"], "/usr/lib/shim/shimx64.efi.signed");
    const grub = await fromPackages(
      "amd64",
      ["grub-efi-amd64-signed"],
      "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
    );
    const found = programsIn({
      "/EFI/BOOT/BOOTX64.EFI": shim,
      "/EFI/debian/grubx64.efi": grub,
      "/EFI/debian/note.txt": file("x"),
    });
    expect(found).toMatchObject([
      { path: "/EFI/BOOT/BOOTX64.EFI", name: "shim", machine: "x86-64", isSigned: true, isDefault: true },
      { path: "/EFI/debian/grubx64.efi", name: "GRUB 2", machine: "x86-64", isSigned: true, isDefault: false },
    ]);
    expect(found[0]?.signers).toContain("Microsoft Corporation UEFI CA 2011");
    expect(found[0]?.sbat).toContainEqual(expect.stringMatching(/^shim,\d+$/));
    expect(found[1]?.signers).toContainEqual(expect.stringContaining("Debian Secure Boot"));
    expect(found[1]?.sbat).toContainEqual(expect.stringMatching(/^grub,\d+$/));
    // objdump sees the same sections.
    const path = join(scratch, "grub.efi");
    writeFileSync(path, readAll(grub.content));
    const theirs = [...(await tool("objdump", ["-h", path])).matchAll(/^ *\d+ (\S+) +([0-9a-f]{8})/gm)].map(
      ([, name]) => name,
    );
    expect([...(readPe(grub.content)?.sections.keys() ?? [])]).toEqual(theirs);
  });

  test("GRUB that is not signed, for riscv64", async () => {
    const grub = await fromPackages(
      "riscv64",
      ["grub-efi-riscv64-unsigned"],
      "/usr/lib/grub/riscv64-efi/monolithic/grubriscv64.efi",
    );
    expect(programsIn({ "/efi/boot/bootriscv64.efi": grub })).toMatchObject([
      { name: "GRUB 2", machine: "riscv64", isSigned: false, signers: [], isDefault: true },
    ]);
  });

  test("systemd-boot", async () => {
    const loader = await fromPackages("amd64", ["systemd-boot-efi"], "/usr/lib/systemd/boot/efi/systemd-bootx64.efi");
    const [found] = programsIn({ "/EFI/systemd/systemd-bootx64.efi": loader });
    expect(found?.name).toMatch(/^systemd-boot \d+/);
  });

  test("a unified kernel image, and a kernel by itself", async () => {
    const kernel = await cloudKernel();
    const files = await loaderPackages("amd64", uki.packages("amd64"));
    const { espFiles } = await uki.plan({ ...bootRequest, kernel, files });
    espFiles.set("/EFI/Linux/vmlinuz.efi", file(kernel));
    const [unified, plain] = findEfiPrograms(espFiles);
    expect(unified).toMatchObject({
      name: "unified kernel image",
      isDefault: true,
      unified: { kernelVersion: expect.stringMatching(/^\d+\.\d+/), system: "Probe 1", initrdBytes: 3000 },
    });
    expect(unified?.unified?.cmdline).toContain("console=ttyS0");
    expect(plain).toMatchObject({ name: "Linux kernel", isSigned: true });
  });

  test("damage makes no program, or another one, and nothing else", async () => {
    const bytes = readAll((await fromPackages("amd64", ["shim-signed"], "/usr/lib/shim/shimx64.efi.signed")).content);
    const patch = fc.tuple(fc.nat(1023), fc.uint8Array({ minLength: 1, maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(patch, { minLength: 1, maxLength: 6 }), fc.nat(bytes.length), (patches, length) => {
        const mutated = bytes.slice(0, length % 3 === 0 ? length : undefined);
        for (const [at, values] of patches) if (at + values.length <= mutated.length) mutated.set(values, at);
        programsIn({ "/EFI/BOOT/BOOTX64.EFI": file(mutated) });
      }),
      { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 200) },
    );
  });
});

describe("kernels", { timeout: 120_000 }, () => {
  test("Debian's for x86: the version is what file(1) says", async () => {
    const content = await cloudKernel();
    const path = join(scratch, "vmlinuz");
    writeFileSync(path, readAll(content));
    const version = /version (\S+)/.exec(await tool("file", ["-b", path]))?.[1];
    expect(readKernel(content)).toEqual({ arch: "x86", version });
  });

  /** As much of an image as its header, with the line that it prints somewhere. */
  function image(magic: string, at: number, banner: string | undefined): ByteSource {
    const bytes = Buffer.alloc(3_000_000);
    bytes.write(magic, at, "latin1");
    // Across the border of what is read at once.
    if (banner !== undefined) bytes.write(`Linux version %s\0${banner}`, (1 << 20) - 10, "latin1");
    return bytesSource(bytes);
  }

  test.each([
    ["arm64", "ARM\x64", 0x38, "Linux version 6.12.1-arm64 (x@y) #1", "6.12.1-arm64"],
    ["riscv", "RSC\x05", 0x38, "Linux version 6.1.0+ (x@y)", "6.1.0+"],
    ["arm64", "ARM\x64", 0x38, undefined, undefined],
    ["EFI, compressed", "zimg", 4, undefined, undefined],
  ])("%s, %j", (arch, magic, at, banner, version) => {
    expect(readKernel(image(magic, at, banner))).toEqual({ arch, version });
  });

  test("what is no kernel", () => {
    expect(readKernel(zeroSource(5000))).toBeUndefined();
    expect(readKernel(bytesSource(Uint8Array.of(1, 2, 3)))).toBeUndefined();
  });

  test("where they lie, with initrds and modules", () => {
    const tree = treeOf({
      "/boot/vmlinuz-6.9-x": file(image("zimg", 4, undefined)),
      "/boot/vmlinuz": symlink("vmlinuz-6.9-x"),
      "/boot/initrd.img-6.9-x": file(gzipSync("x")),
      "/boot/initrd.img-zstd": file(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)),
      "/usr/lib/modules/6.9-x/kernel/a.ko.xz": file("abc"),
      "/usr/lib/modules/6.9-x/kernel/b.ko": file("abcd"),
      "/usr/lib/modules/6.9-x/modules.dep": file("not one"),
      "/lib": symlink("usr/lib"),
    });
    expect(findKernels(tree)).toMatchObject([{ path: "/boot/vmlinuz-6.9-x", version: "6.9-x", sizeBytes: 3_000_000 }]);
    expect(findInitrds(tree).map(({ compression }) => compression)).toEqual(["gzip", "zstd"]);
    expect(findModules(tree)).toEqual([{ version: "6.9-x", count: 2, sizeBytes: 7 }]);
  });
});

describe("menus", () => {
  test("GRUB's, as grub-mkconfig writes them", () => {
    const text = [
      "if [ x = y ]; then set a=b; fi",
      "menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {",
      "\tload_video",
      "\tlinux\t/boot/vmlinuz-6.1 root=UUID=1 ro  quiet",
      "\tinitrd\t/boot/intel.img /boot/initrd.img-6.1",
      "}",
      "submenu 'Advanced' {",
      '\tmenuentry "Old \\"one\\"" {',
      "\t\tlinux /old root=/dev/sda1 \\",
      "\t\t  single",
      "\t}",
      "}",
      "menuentry Xen { ",
      "  multiboot2 /boot/xen.gz dom0_mem=512M",
      "  module2 /boot/vmlinuz-6.1 placeholder root=UUID=1",
      "  module2 --nounzip /boot/initrd.img-6.1",
      "}",
      "# menuentry 'no' { linux /no }",
    ].join("\n");
    expect(parseGrub(text)).toEqual([
      {
        title: "Debian GNU/Linux",
        kernel: "/boot/vmlinuz-6.1",
        initrd: "/boot/intel.img /boot/initrd.img-6.1",
        cmdline: "root=UUID=1 ro quiet",
      },
      { title: 'Old "one"', kernel: "/old", initrd: undefined, cmdline: "root=/dev/sda1 single" },
      {
        title: "Xen",
        kernel: "/boot/xen.gz",
        initrd: "/boot/vmlinuz-6.1 /boot/initrd.img-6.1",
        cmdline: "dom0_mem=512M",
      },
    ]);
  });

  test("the boot loader specification's", () => {
    const text = "title Fedora\nversion 6.1\nlinux /vmlinuz\ninitrd /a\ninitrd /b\noptions root=x\noptions quiet\n";
    expect(parseLoaderEntry(text)).toEqual([
      { title: "Fedora", kernel: "/vmlinuz", initrd: "/a /b", cmdline: "root=x quiet" },
    ]);
    expect(parseLoaderEntry("title only\n")).toEqual([]);
  });

  test("syslinux's", () => {
    const text =
      "DEFAULT one\nPROMPT 0\nLABEL one\n  MENU LABEL ^One\n  KERNEL /vmlinuz\n  APPEND initrd=/initrd quiet\nlabel two\n  linux /two\n  initrd /i\n";
    expect(parseSyslinux(text)).toEqual([
      { title: "One", kernel: "/vmlinuz", initrd: "/initrd", cmdline: "initrd=/initrd quiet" },
      { title: "two", kernel: "/two", initrd: "/i", cmdline: "" },
    ]);
  });

  test("one that goes on with another", () => {
    const tree: Tree = treeOf({
      "/EFI/debian/grub.cfg": file("search --set=root x\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"),
    });
    expect(findBootConfigs(tree)).toEqual([
      { path: "/EFI/debian/grub.cfg", kind: "grub", entries: [], continues: "$prefix/grub.cfg" },
    ]);
  });
});

describe("boot sectors", () => {
  const sector = (text: string, at = 0x180) => {
    const bytes = Buffer.alloc(512);
    bytes[0] = 0xfa;
    bytes.write(text, at, "latin1");
    bytes.writeUInt16LE(0xaa55, 510);
    return bytes;
  };

  test("GRUB's, with its core where Debian's files say", async () => {
    const boot = Buffer.from(
      readAll((await fromPackages("amd64", ["grub-pc-bin"], "/usr/lib/grub/i386-pc/boot.img")).content),
    ).subarray(0, 512);
    const diskboot = Buffer.from(
      readAll((await fromPackages("amd64", ["grub-pc-bin"], "/usr/lib/grub/i386-pc/diskboot.img")).content),
    );
    boot.writeBigUInt64LE(34n, 0x5c);
    boot.writeUInt16LE(0xaa55, 510);
    diskboot.writeUInt16LE(99, 0x1f4 + 8);
    const disk = (core: Buffer) =>
      composeSource(1 << 20, [
        { offsetBytes: 0, source: bytesSource(boot) },
        { offsetBytes: 34 * 512, source: bytesSource(core) },
      ]);
    expect(readBootCode(disk(diskboot))).toEqual({
      name: "GRUB 2",
      core: { offsetBytes: 34 * 512, lengthBytes: 100 * 512, isThere: true },
    });
    expect(readBootCode(disk(Buffer.alloc(512)))).toMatchObject({ core: { isThere: false } });
  });

  test.each([
    ["syslinux (MBR)", "Missing operating system.\r\nOperating system load error.\r\n"],
    ["Windows (MBR)", "Invalid partition table\0Error loading operating system\0Missing operating system"],
    ["isolinux (isohybrid)", "isolinux.bin missing or corrupt.\r\n"],
    ["unknown code", "who knows"],
  ])("%s", (name, text) => expect(readBootCode(bytesSource(sector(text, 0x100)))).toEqual({ name }));

  test("none: nothing in it, no signature, or only a message that it cannot boot", () => {
    expect(readBootCode(bytesSource(sector("").fill(0, 0, 440)))).toBeUndefined();
    expect(readBootCode(bytesSource(sector("x").fill(0, 510)))).toBeUndefined();
    expect(readBootCode(bytesSource(sector("This is not a bootable disk.", 100)))).toBeUndefined();
    expect(readBootCode(bytesSource(Uint8Array.of(1)))).toBeUndefined();
  });
});
