import type { ByteSource, Extent, Piece } from "../../core/byte-source.ts";
import type { Tree } from "../../core/tree.ts";

export type Arch = "amd64" | "arm64" | "riscv64";

/** A file that the boot loader hands to the kernel besides the initrd. */
export interface BootModule {
  readonly path: string;
  readonly args: string;
}

/** What is to be started. Paths are absolute, in the file system that `rootUuid` names. */
export interface BootEntry {
  readonly protocol: "linux" | "multiboot" | "multiboot2";
  readonly kernelPath: string;
  readonly initrdPath: string | undefined;
  /** Multiboot only. */
  readonly modules: readonly BootModule[];
  /** Without `root=`. */
  readonly cmdline: string;
  /** What goes behind `root=`: `UUID=…`, `PARTUUID=…`; undefined for kernels that want none. */
  readonly root: string | undefined;
}

export interface BootRequest {
  readonly arch: Arch;
  /** The merged trees of the packages that the loader is made from (`/usr/lib/grub/i386-pc/…`). */
  readonly files: Tree;
  readonly entry: BootEntry;
  /** UUID of the file system that holds the kernel, as GRUB's `search --fs-uuid` compares it. */
  readonly rootUuid: string;
  /** GRUB's modules for the file system that holds the kernel: `["ext2"]`, `["fat"]`, `["iso9660"]`. */
  readonly fileSystemModules: readonly string[];
  /**
   * Where BIOS boot code goes: the gap behind the table, or a BIOS boot partition. Undefined on a disk without a table, which is one file system: there it goes into
   * a file and the file system's own boot sector.
   */
  readonly area: { readonly startBytes: number; readonly endBytes: number } | undefined;
  /** Contents of kernel and initrd, for loaders that take them into themselves. */
  readonly kernel: ByteSource;
  readonly initrd: ByteSource | undefined;
  /** Content of /etc/os-release, for loaders that show it. */
  readonly osRelease: string;
  readonly epochSeconds: number;
  /** Remembers what it has compressed; the default does not. */
  readonly lzma?: ((plain: Uint8Array) => Uint8Array) | undefined;
}

export interface BootPlan {
  /** For the first sector of the disk, at most 440 bytes. */
  readonly bootCode?: Uint8Array | undefined;
  /** Bytes that go outside of any file system. */
  readonly pieces: readonly Piece[];
  /** What the boot loader needs in the file system that holds the kernel (`/boot/grub/grub.cfg`). */
  readonly rootFiles: Tree;
  /** What it needs in the EFI system partition (`/EFI/BOOT/BOOTX64.EFI`). Empty for BIOS. */
  readonly espFiles: Tree;
  /**
   * On a disk without a table: what goes over the bytes of the planned file system that has `rootFiles` in it, once it is known where its files lie. Errors:
   * `image/unsupported`.
   */
  readonly overlay?: ((locate: (path: string) => readonly Extent[] | undefined) => readonly Piece[]) | undefined;
  /** Those of `rootFiles` that are told where they lie once it is known: on the disk, their bytes are others than here. */
  readonly placedPaths?: readonly string[] | undefined;
  /** What people should know of it, for `cloudimg plan`: "no Secure Boot: it is not signed". */
  readonly notes?: readonly string[] | undefined;
}

/** Seam: how the machine's firmware gets to the kernel. */
export interface Bootloader {
  readonly name: string;
  /** Debian packages whose files it is made from. They are locked with the others but not installed in the image. Default protocol: `linux`. */
  packages(arch: Arch, protocol?: BootEntry["protocol"]): readonly string[];
  plan(request: BootRequest): BootPlan;
}
