import type { ByteSource } from "../core/byte-source.ts";
import { readAll } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { parseOsRelease } from "./os-release.ts";
import { type PeFile, readPe, sectionText } from "./pe.ts";

/** A program that UEFI firmware, or another such program, can start. */
export interface EfiProgram {
  readonly path: string;
  /** `shim`, `GRUB 2`, `systemd-boot`, `unified kernel image`, `Linux kernel`, …, or `EFI program`. */
  readonly name: string;
  readonly machine: string;
  readonly sizeBytes: number;
  readonly isSigned: boolean;
  readonly signers: readonly string[];
  /** Secure Boot Advanced Targeting: `shim,4`, `grub,5`, each with its generation. */
  readonly sbat: readonly string[];
  /** What a unified kernel image holds. */
  readonly unified?: UnifiedKernel | undefined;
  /** Whether firmware starts it by itself: it has the name for removable media. */
  readonly isDefault: boolean;
}

interface UnifiedKernel {
  readonly kernelVersion: string | undefined;
  readonly system: string | undefined;
  readonly cmdline: string | undefined;
  readonly initrdBytes: number | undefined;
}

/** UEFI 2.10 §3.5.1.1, by machine. */
const defaultNames = /^\/efi\/boot\/boot(x64|ia32|aa64|arm|riscv64|loongarch64)\.efi$/i;

/** Every EFI program below `/EFI` of a file system, whatever the case of its letters. */
export function findEfiPrograms(tree: Tree): EfiProgram[] {
  const start = tree.list("/").find((name) => name.toLowerCase() === "efi");
  if (start === undefined) return [];
  return [...efiFiles(tree, `/${start}`)].flatMap(([path, content]) => {
    try {
      const pe = readPe(content);
      return pe === undefined ? [] : [describe(path, content, pe)];
    } catch (error) {
      // A file that cannot be read is told of where contents are compared or copied.
      if (error instanceof CloudimgError) return [];
      throw error;
    }
  });
}

function* efiFiles(tree: Tree, directory: string): Generator<[path: string, content: ByteSource]> {
  for (const name of tree.list(directory)) {
    const path = `${directory}/${name}`;
    const node = tree.get(path);
    if (node?.type === "directory") yield* efiFiles(tree, path);
    else if (node?.type === "file" && name.toLowerCase().endsWith(".efi")) yield [path, node.content];
  }
}

function describe(path: string, content: ByteSource, pe: PeFile): EfiProgram {
  const sbat = sbatOf(pe);
  const name = nameOf(path, content, pe, sbat);
  const { machine, isSigned, signers } = pe;
  return {
    ...{ path, name, machine, isSigned, signers, sbat },
    sizeBytes: content.sizeBytes,
    ...(name === "unified kernel image" ? { unified: unifiedOf(pe) } : {}),
    isDefault: defaultNames.test(path),
  };
}

function nameOf(path: string, content: ByteSource, pe: PeFile, sbat: readonly string[]): string {
  const has = (component: string) => sbat.some((entry) => entry.startsWith(`${component},`));
  if (pe.sections.has(".linux")) return "unified kernel image";
  const magic = sectionText(pe, ".sdmagic") ?? "";
  const systemd = /LoaderInfo: (systemd-(?:boot|stub)[^#]*)/.exec(magic)?.[1]?.trim();
  if (systemd !== undefined) return systemd;
  if (has("systemd-boot") || has("systemd")) return "systemd-boot";
  if (has("shim")) {
    const file = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
    if (file.startsWith("mm")) return "MokManager (of shim)";
    return file.startsWith("fb") ? "fallback (of shim)" : "shim";
  }
  if (has("grub") || pe.sections.has("mods")) return "GRUB 2";
  // Others have a kernel's header too: memtest86+ can be started like one.
  const component = sbat.map((entry) => entry.split(",")[0] as string).find((each) => each !== "sbat");
  if (component !== undefined && !/^(linux|kernel)/.test(component)) return component;
  return isLinux(content) ? "Linux kernel" : "EFI program";
}

/** The setup header's magic of x86, or that of the images of arm64 and riscv (Documentation/arch: x86/boot, arm64/booting, riscv/boot-image-header). */
function isLinux(content: ByteSource): boolean {
  if (content.sizeBytes < 1024) return false;
  const head = Buffer.alloc(1024);
  content.read(head, 0);
  const [x86, image] = [head.toString("latin1", 0x202, 0x206), head.toString("latin1", 0x38, 0x3c)];
  return x86 === "HdrS" || image === "ARM\x64" || image === "RSC\x05" || head.toString("latin1", 4, 8) === "zimg";
}

/** Lines `component,generation,vendor,…`. */
function sbatOf(pe: PeFile): string[] {
  return (sectionText(pe, ".sbat") ?? "")
    .split("\n")
    .map((line) => line.split(",").slice(0, 2).join(","))
    .filter((entry) => /^[^,]+,\d+$/.test(entry));
}

/** Sections of UAPI.5 "Unified Kernel Image". */
function unifiedOf(pe: PeFile): UnifiedKernel {
  const osRelease = pe.sections.get(".osrel");
  const text =
    osRelease === undefined || osRelease.sizeBytes > 64 * 1024 ? "" : Buffer.from(readAll(osRelease)).toString();
  return {
    kernelVersion: sectionText(pe, ".uname")?.trim(),
    system: parseOsRelease(text)["PRETTY_NAME"],
    cmdline: sectionText(pe, ".cmdline")?.trim(),
    initrdBytes: pe.sections.get(".initrd")?.sizeBytes,
  };
}
