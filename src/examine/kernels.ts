import type { ByteSource } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { joinPath } from "./paths.ts";

export interface FoundKernel {
  readonly path: string;
  /** `x86`, `arm64`, `riscv`, … */
  readonly arch: string;
  /** From the kernel itself, else from its name; undefined if neither tells. */
  readonly version: string | undefined;
  readonly sizeBytes: number;
}

export interface FoundInitrd {
  readonly path: string;
  readonly compression: string;
  readonly sizeBytes: number;
}

/** The modules of one kernel version. */
export interface FoundModules {
  readonly version: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/** Where kernels lie: in a root file system, in one that is mounted at /boot, on a CD. */
const directories = ["/boot", "/", "/live", "/casper", "/isolinux", "/install.amd"];
const kernelNames = /^(vmlinu[xz]|bzimage|image|kernel|linux|kvmlinuz)/i;
const initrdNames = /^(initrd|initramfs|initrfs)/i;

export function findKernels(tree: Tree): FoundKernel[] {
  return bootFiles(tree, kernelNames).flatMap(([path, content]) => {
    const found = readKernel(content);
    if (found === undefined) return [];
    const named = /-(\d+\.\d+[^/]*)$/.exec(path)?.[1];
    return [{ path, arch: found.arch, version: found.version ?? named, sizeBytes: content.sizeBytes }];
  });
}

export function findInitrds(tree: Tree): FoundInitrd[] {
  return bootFiles(tree, initrdNames).map(([path, content]) => ({
    path,
    compression: compressionOf(content),
    sizeBytes: content.sizeBytes,
  }));
}

export function findModules(tree: Tree): FoundModules[] {
  const base = tree.resolve("/lib/modules");
  if (base === undefined) return [];
  return tree.list(base).flatMap((version) => {
    const found = { count: 0, sizeBytes: 0 };
    countModules(tree, joinPath(base, version), found);
    return found.count === 0 ? [] : [{ version, ...found }];
  });
}

function countModules(tree: Tree, directory: string, found: { count: number; sizeBytes: number }): void {
  for (const name of tree.list(directory)) {
    const path = joinPath(directory, name);
    const node = tree.get(path);
    if (node?.type === "directory") countModules(tree, path, found);
    else if (node?.type === "file" && /\.ko(\.(xz|zst|gz))?$/.test(name)) {
      found.count++;
      found.sizeBytes += node.content.sizeBytes;
    }
  }
}

function bootFiles(tree: Tree, names: RegExp): [path: string, content: ByteSource][] {
  return directories.flatMap((directory) =>
    tree
      .list(tree.resolve(directory) ?? directory)
      .filter((name) => names.test(name))
      .flatMap((name): [string, ByteSource][] => {
        const path = joinPath(directory, name);
        // Links to kernels are further names of them.
        const node = tree.get(path);
        return node?.type === "file" && node.content.sizeBytes > 0 ? [[path, node.content]] : [];
      }),
  );
}

/** Undefined for what is no kernel of Linux. An unreadable one is none. */
export function readKernel(content: ByteSource): { arch: string; version: string | undefined } | undefined {
  try {
    const head = headOf(content, 0x8000);
    if (head.length < 1024) return undefined;
    if (head.toString("latin1", 0x202, 0x206) === "HdrS") return { arch: "x86", version: bzImageVersion(head) };
    const image = head.toString("latin1", 0x38, 0x3c);
    if (image === "ARM\x64") return { arch: "arm64", version: bannerVersion(content) };
    if (image === "RSC\x05") return { arch: "riscv", version: bannerVersion(content) };
    // EFI's own decompressor: "MZ", then "zimg" (drivers/firmware/efi/libstub/zboot-header.S).
    if (head.toString("latin1", 4, 8) === "zimg") return { arch: "EFI, compressed", version: undefined };
    if (head.readUInt32BE(0) === 0x7f454c46) return { arch: "ELF", version: bannerVersion(content) };
    return undefined;
  } catch (error) {
    if (error instanceof CloudimgError) return undefined;
    throw error;
  }
}

/** The setup header's `kernel_version` at 0x20E points 0x200 before a text (Documentation/arch/x86/boot.rst). */
function bzImageVersion(head: Buffer): string | undefined {
  const at = head.readUInt16LE(0x20e) + 0x200;
  if (at === 0x200 || at >= head.length) return undefined;
  const text = head.toString("latin1", at, Math.min(at + 256, head.length));
  return text.slice(0, text.indexOf("\0")).split(" ")[0] || undefined;
}

const longestScanBytes = 64 * 1024 * 1024;

/** `Linux version 6.12.1 (…`: the first line that a kernel prints, which lies in it as text unless it is compressed. */
function bannerVersion(content: ByteSource): string | undefined {
  const needle = "Linux version ";
  const step = 1024 * 1024;
  const buffer = Buffer.alloc(Math.min(step + 256, content.sizeBytes));
  for (let at = 0; at < Math.min(content.sizeBytes, longestScanBytes); at += step) {
    const piece = buffer.subarray(0, Math.min(buffer.length, content.sizeBytes - at));
    content.read(piece, at);
    for (let found = piece.indexOf(needle); found >= 0; found = piece.indexOf(needle, found + 1)) {
      const version = /^(\d+\.\d+[\w.+~-]*)/.exec(piece.toString("latin1", found + needle.length, found + 200))?.[1];
      if (version !== undefined) return version;
    }
  }
  return undefined;
}

const compressions: readonly (readonly [name: string, magic: string])[] = [
  ["cpio", "070701"],
  ["cpio", "070702"],
  ["gzip", "\x1f\x8b"],
  ["xz", "\xfd7zXZ\0"],
  ["zstd", "\x28\xb5\x2f\xfd"],
  ["lz4", "\x02\x21\x4c\x18"],
  ["bzip2", "BZh"],
  ["lzma", "\x5d\0\0"],
];

function compressionOf(content: ByteSource): string {
  try {
    const head = headOf(content, 16).toString("latin1");
    return compressions.find(([, magic]) => head.startsWith(magic))?.[0] ?? "unknown";
  } catch (error) {
    if (error instanceof CloudimgError) return "unreadable";
    throw error;
  }
}

function headOf(content: ByteSource, longestBytes: number): Buffer {
  const head = Buffer.alloc(Math.min(longestBytes, content.sizeBytes));
  if (head.length > 0) content.read(head, 0);
  return head;
}
