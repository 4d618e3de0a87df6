import { gunzipSync } from "node:zlib";
import { type ByteSource, bytesSource, readAll, sliceSource, textSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { Tree } from "../../core/tree.ts";
import { bootTree, packageFile } from "./boot-files.ts";
import type { Arch, Bootloader, BootRequest } from "./bootloader.ts";
import { machines, nxCompatible } from "./pe-format.ts";
import { type PeHeaders, readPe, readSection } from "./pe-reader.ts";
import { addSections, type NewSection } from "./pe-sections.ts";

const packageName = "systemd-boot-efi";

/** UEFI's name of the processor, as in the path for removable media and, in lower case, systemd's stub. */
const efiNames: Readonly<Record<Arch, string>> = { amd64: "X64", arm64: "AA64", riscv64: "RISCV64" };

/**
 * A unified kernel image: one program for UEFI with kernel, initrd and command line in it, in sections that systemd's stub looks for (UAPI group
 * specification 5, "Unified Kernel Image"; systemd-stub(7)).
 */
export const uki: Bootloader = {
  name: "uki",
  packages: () => [packageName],
  plan(request) {
    const { arch, files, entry, epochSeconds } = request;
    const name = efiNames[arch];
    if (entry.protocol !== "linux")
      fail("image/unsupported", `cannot make a unified kernel image for ${entry.protocol}: it starts Linux only`, {
        hint: "start the kernel by GRUB",
      });
    const path = `/usr/lib/systemd/boot/efi/linux${name.toLowerCase()}.efi.stub`;
    const stub = packageFile(files, path, packageName, "make a unified kernel image");
    const stubHeaders = readPe(stub) ?? fail("image/unsupported", `cannot use ${path}: it is no program for UEFI`);
    const { kernel, headers } = efiKernel(request);
    const generations = [readSection(stub, stubHeaders, ".sbat"), readSection(kernel, headers, ".sbat")];
    const sbat = { name: ".sbat", content: textSource(mergeSbat(generations)) };
    const isNxCompatible = (headers.optional.dllCharacteristics & nxCompatible) !== 0;
    const image =
      addSections(stub, stubHeaders, [...sectionsOf(request, kernel), sbat], isNxCompatible) ??
      fail("image/unsupported", `cannot use ${path}: its headers have no room for further sections`);
    return {
      pieces: [],
      rootFiles: new Tree(),
      espFiles: bootTree({ [`/EFI/BOOT/BOOT${name}.EFI`]: image }, epochSeconds),
      notes: ["no Secure Boot with the keys of distributions: a unified kernel image made here is not signed"],
    };
  },
};

function sectionsOf({ arch, entry, osRelease, initrd }: BootRequest, kernel: ByteSource): NewSection[] {
  const words = [...(entry.root === undefined ? [] : [`root=${entry.root}`]), entry.cmdline];
  const version = (arch === "amd64" ? versionInside(kernel) : undefined) ?? versionInName(entry.kernelPath);
  const sections: NewSection[] = [
    { name: ".osrel", content: textSource(osRelease) },
    { name: ".cmdline", content: textSource(words.filter((word) => word !== "").join(" ")) },
    { name: ".uname", content: textSource(version ?? "") },
    { name: ".linux", content: kernel, isCode: true },
  ];
  if (initrd !== undefined) sections.push({ name: ".initrd", content: initrd });
  return sections.filter(({ content }) => content.sizeBytes > 0);
}

/**
 * By these tables a signed program can be revoked with all older ones of its kind (github.com/rhboot/shim, SBAT.md). They matter to whoever signs the
 * image: then what it is made of must be named too.
 */
function mergeSbat(tables: readonly (Uint8Array | undefined)[]): string {
  const lines = tables.flatMap((table) => {
    const [first, ...rest] = new TextDecoder().decode(table).replace(/\0+$/, "").trimEnd().split("\n");
    return first?.startsWith("sbat,") ? rest : [];
  });
  const all = [
    "sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md",
    ...lines,
    "uki,1,UKI,uki,1,https://uapi-group.org/specifications/specs/unified_kernel_image/",
  ];
  return `${all.join("\n")}\n\0`;
}

/** The kernel must be a program for UEFI itself, as it is with Linux's EFI stub; on some processors distributions compress it, which firmware cannot undo. */
function efiKernel({ arch, kernel: packed, entry }: BootRequest): { kernel: ByteSource; headers: PeHeaders } {
  const kernel = unpacked(packed, entry.kernelPath);
  const headers = readPe(kernel);
  const cannot = `cannot put ${entry.kernelPath} into a unified kernel image`;
  if (headers === undefined)
    fail("image/unsupported", `${cannot}: it is no program for UEFI`, {
      hint: "use a kernel with CONFIG_EFI_STUB, or start it by GRUB",
    });
  const { machine } = headers.file;
  if (machine !== machines[arch])
    fail("image/unsupported", `${cannot}: it is for another processor than ${arch} (its machine is ${machine})`);
  return { kernel, headers };
}

const gzipMagic = [0x1f, 0x8b];
const kernelLimitBytes = 512 * 1024 ** 2;

function unpacked(kernel: ByteSource, path: string): ByteSource {
  const head = readAll(sliceSource(kernel, 0, Math.min(kernel.sizeBytes, gzipMagic.length)));
  if (!gzipMagic.every((byte, index) => head[index] === byte)) return kernel;
  try {
    return bytesSource(gunzipSync(readAll(kernel), { maxOutputLength: kernelLimitBytes }));
  } catch (error) {
    fail("image/damaged", `cannot unpack the kernel ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The Linux/x86 Boot Protocol: at 0x20e a pointer, less 0x200, to `6.12.1-cloud-amd64 (builder@host) #1 …`. */
function versionInside(kernel: ByteSource): string | undefined {
  const head = Buffer.from(readAll(sliceSource(kernel, 0, Math.min(kernel.sizeBytes, 0x10000))));
  if (head.length < 0x210 || head.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const at = head.readUInt16LE(0x20e) + 0x200;
  return /^[\w.+~-]+(?= )/.exec(head.toString("latin1", at, at + 128))?.[0];
}

function versionInName(kernelPath: string): string | undefined {
  return /\/(?:vmlinuz|vmlinux|kernel|Image)-([\w.+~-]+)$/.exec(kernelPath)?.[1];
}
