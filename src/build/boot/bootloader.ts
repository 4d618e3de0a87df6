import type { Piece } from "../../core/byte-source.ts";
import type { Tree } from "../../core/tree.ts";

export interface BootRequest {
  /** Tree of the package that holds the boot loader's own files (`/usr/lib/grub/i386-pc/…`). */
  readonly files: Tree;
  readonly rootUuid: string;
  /** Where the table leaves room for boot code before the first partition. */
  readonly gap: { readonly startBytes: number; readonly endBytes: number };
  /** Absolute paths inside the root file system. */
  readonly kernelPath: string;
  readonly initrdPath: string | undefined;
  readonly cmdline: string;
  readonly epochSeconds: number;
}

interface BootPlan {
  /** For the first sector of the disk, at most 440 bytes. */
  readonly bootCode: Uint8Array | undefined;
  /** Bytes that go outside of any partition. */
  readonly pieces: readonly Piece[];
  /** What the boot loader needs in the root file system (`/boot/grub/grub.cfg`). */
  readonly rootFiles: Tree;
}

/** Seam: how the machine's firmware gets to the kernel. */
export interface Bootloader {
  readonly name: string;
  /** Debian packages whose files it is made from. They are locked with the others but not installed in the image. */
  readonly packages: readonly string[];
  plan(request: BootRequest): BootPlan;
}
