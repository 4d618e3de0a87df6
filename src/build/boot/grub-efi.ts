import { type ByteSource, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { bootTree, packageFile } from "./boot-files.ts";
import type { Arch, Bootloader, BootRequest } from "./bootloader.ts";
import { grubConfig, quote } from "./grub-config.ts";
import { withDependencies } from "./grub-modules.ts";

/** UEFI's names of a processor (UEFI specification 2.10, table 3.2), Debian's of its GRUB. */
interface Platform {
  /** What the firmware starts where nobody has told it what to start. */
  readonly removablePath: string;
  /** With a shim, the firmware starts that, and it starts GRUB: Microsoft signs the shim, and Debian, whom the shim trusts, GRUB and kernels. */
  readonly shim?: { readonly file: string; readonly grubPath: string };
  readonly grub: { readonly packageName: string; readonly file: string };
  readonly modules: { readonly packageName: string; readonly directory: string };
}

const platforms: Readonly<Record<Arch, Platform>> = {
  amd64: {
    removablePath: "/EFI/BOOT/BOOTX64.EFI",
    shim: { file: "/usr/lib/shim/shimx64.efi.signed", grubPath: "/EFI/BOOT/grubx64.efi" },
    grub: { packageName: "grub-efi-amd64-signed", file: "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" },
    modules: { packageName: "grub-efi-amd64-bin", directory: "/usr/lib/grub/x86_64-efi" },
  },
  arm64: {
    removablePath: "/EFI/BOOT/BOOTAA64.EFI",
    shim: { file: "/usr/lib/shim/shimaa64.efi.signed", grubPath: "/EFI/BOOT/grubaa64.efi" },
    grub: { packageName: "grub-efi-arm64-signed", file: "/usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed" },
    modules: { packageName: "grub-efi-arm64-bin", directory: "/usr/lib/grub/arm64-efi" },
  },
  // Nobody signs for RISC-V; Debian links the same GRUB all the same.
  riscv64: {
    removablePath: "/EFI/BOOT/BOOTRISCV64.EFI",
    grub: {
      packageName: "grub-efi-riscv64-unsigned",
      file: "/usr/lib/grub/riscv64-efi/monolithic/grubriscv64.efi",
    },
    modules: { packageName: "grub-efi-riscv64-bin", directory: "/usr/lib/grub/riscv64-efi" },
  },
};

/** The prefix that is linked into Debian's GRUB: on the device that it was started from, which on a CD is the CD and not its boot image. */
const directory = "/EFI/debian";
const failureSeconds = 10;

/** GRUB 2 on UEFI, with Secure Boot where Debian has it: Debian's own files at the path for removable media. It reads the same configuration as GRUB for BIOS. */
export const grubEfi: Bootloader = {
  name: "grub-efi",
  packages(arch, protocol = "linux") {
    const { shim, grub, modules } = platforms[arch];
    const names = [grub.packageName];
    if (shim !== undefined) names.push("shim-signed");
    if (protocol !== "linux") names.push(modules.packageName);
    return names;
  },
  plan(request) {
    const { arch, files, entry, epochSeconds, fileSystemModules } = request;
    const { removablePath, shim, grub } = platforms[arch];
    const what = "install GRUB for UEFI";
    const grubFile = packageFile(files, grub.file, grub.packageName, what);
    const own = {
      [`${directory}/grub.cfg`]: textSource(startConfig(request)),
      ...moduleFiles(request),
    };
    const esp: Record<string, ByteSource> = { ...own };
    if (shim === undefined) esp[removablePath] = grubFile;
    else {
      esp[removablePath] = packageFile(files, shim.file, "shim-signed", what);
      esp[shim.grubPath] = grubFile;
    }
    const config = { "/boot/grub/grub.cfg": textSource(grubConfig(entry)) };
    const isCd = fileSystemModules.includes("iso9660");
    return {
      pieces: [],
      rootFiles: bootTree(isCd ? { ...config, ...own } : config, epochSeconds),
      espFiles: bootTree(esp, epochSeconds),
      notes: notesOn(request),
    };
  },
};

function notesOn({ arch, entry }: BootRequest): string[] {
  if (platforms[arch].shim === undefined) return [`no Secure Boot: Debian's GRUB for ${arch} is not signed`];
  if (entry.protocol !== "linux")
    return [`no Secure Boot with ${entry.protocol}: GRUB's module for it is not in what Debian signs`];
  return [];
}

/**
 * Leads from where GRUB was started to the file system with the kernel. It is looked for on the disk that GRUB came from first, for another disk may be a
 * copy of it.
 */
function startConfig({ rootUuid, entry }: BootRequest): string {
  const lines = [
    "# Made by cloudimg.",
    ...(entry.protocol === "linux" ? [] : [`insmod ${entry.protocol}`]),
    "regexp --set=1:disk '^([^,]*)' \"$root\"",
    `if search --fs-uuid --set=root --hint="$disk," ${quote(rootUuid)}; then`,
    "  set prefix=($root)/boot/grub",
    "  configfile $prefix/grub.cfg",
    "fi",
    `echo ${quote(`cloudimg: no file system ${rootUuid} with /boot/grub/grub.cfg. Power off in ${failureSeconds} seconds.`)}`,
    `if sleep --interruptible ${failureSeconds}; then halt; fi`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Debian's GRUB has what it takes to boot Linux; modules for other protocols it loads from its directory, unless Secure Boot is on. */
function moduleFiles({ arch, files, entry: { protocol } }: BootRequest): Record<string, ByteSource> {
  if (protocol === "linux") return {};
  if (arch !== "amd64")
    fail("image/unsupported", `cannot start the kernel by ${protocol} on ${arch}: that protocol is for PCs`, {
      hint: "set the kernel's protocol to linux",
    });
  const from = { files, ...platforms[arch].modules };
  const platform = from.directory.slice(from.directory.lastIndexOf("/") + 1);
  return Object.fromEntries(
    withDependencies(from, [protocol]).map((name) => [
      `${directory}/${platform}/${name}.mod`,
      packageFile(files, `${from.directory}/${name}.mod`, from.packageName, "install GRUB for UEFI"),
    ]),
  );
}
