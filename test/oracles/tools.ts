import { accessSync, constants, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";

/** The Debian package of each tool that judges what we make. */
const packageOf: Record<string, string> = {
  e2fsck: "e2fsprogs",
  dumpe2fs: "e2fsprogs",
  debugfs: "e2fsprogs",
  mke2fs: "e2fsprogs",
  resize2fs: "e2fsprogs",
  tune2fs: "e2fsprogs",
  e2image: "e2fsprogs",
  filefrag: "e2fsprogs",
  sfdisk: "fdisk",
  fdisk: "fdisk",
  sgdisk: "gdisk",
  "qemu-img": "qemu-utils",
  "qemu-nbd": "qemu-utils",
  "qemu-io": "qemu-utils",
  "qemu-system-x86_64": "qemu-system-x86",
  xorriso: "xorriso",
  isoinfo: "genisoimage",
  genisoimage: "genisoimage",
  unsquashfs: "squashfs-tools",
  mksquashfs: "squashfs-tools",
  "grub-fstest": "grub-common",
  "fsck.fat": "dosfstools",
  "mkfs.fat": "dosfstools",
  mdir: "mtools",
  mcopy: "mtools",
  mtype: "mtools",
  minfo: "mtools",
  mattrib: "mtools",
  mdel: "mtools",
  mmd: "mtools",
  mformat: "mtools",
  bsdtar: "libarchive-tools",
  bsdcpio: "libarchive-tools",
  cpio: "cpio",
  tar: "tar",
  ar: "binutils",
  readelf: "binutils",
  objdump: "binutils",
  objcopy: "binutils",
  sbverify: "sbsigntool",
  ukify: "systemd-ukify",
  xz: "xz-utils",
  zstd: "zstd",
  gzip: "gzip",
  depmod: "kmod",
  modinfo: "kmod",
  dpkg: "dpkg",
  "dpkg-deb": "dpkg",
  file: "file",
  diff: "diffutils",
  blkid: "util-linux",
  "grub-mkimage": "grub-common",
  "grub-render-label": "grub-common",
  mkswap: "util-linux",
  swaplabel: "util-linux",
  isosize: "util-linux",
  "ssh-keygen": "openssh-client",
  ssh: "openssh-client",
  busybox: "busybox-static",
  djpeg: "libjpeg-turbo-progs",
  qjs: "quickjs",
  dropbearkey: "dropbear-bin",
  dropbearconvert: "dropbear-bin",
  curl: "curl",
  openssl: "openssl",
};

const found = new Map<string, Promise<string[]>>();

/**
 * Other people's tool: program and first arguments, yours follow. From PATH if it is there, else from its Debian package, unpacked into the user's cache.
 * A tool that cannot be had fails the test: it never skips.
 */
export function oracle(name: string): Promise<string[]> {
  const known = found.get(name) ?? find(name);
  found.set(name, known);
  return known;
}

async function find(name: string): Promise<string[]> {
  const installed = findOnPath(name);
  if (installed !== undefined) return [installed];
  const packageName = packageOf[name];
  if (packageName === undefined) throw new Error(`test/oracles/tools.ts does not know which package has ${name}`);
  const context = createContext(() => {}, new AbortController().signal, availableParallelism());
  return (await obtainTools([packageName], context)).command(name);
}

/** Administrators' directories too: on many systems they are not on a user's PATH. */
function findOnPath(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const directory of directories.filter((part) => part !== "")) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
