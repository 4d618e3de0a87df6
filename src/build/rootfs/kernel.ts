import { readFile } from "node:fs/promises";
import { bytesSource } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { errnoOf, fail, type Where } from "../../core/errors.ts";
import { defaultAttributes, type FileNode, splitPath, type Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { type ModuleCatalog, readCatalog } from "./module-closure.ts";
import { hasMultibootHeader } from "./multiboot.ts";

export interface Kernel {
  readonly version: string;
  /** The kernel image, to be put at `/boot/vmlinuz-VERSION`. */
  readonly image: FileNode;
  /** Undefined for a kernel file without any modules beside it. */
  readonly catalog: ModuleCatalog | undefined;
}

/** A file of this host, and where the profile names it. */
export interface KernelFile {
  readonly path: string;
  readonly protocol: Profile["kernel"]["protocol"];
  readonly where: Where | undefined;
}

const imageName = /^vmlinu[xz]-(.+)$/;

/**
 * The kernel that the profile asks for: a file of this host, or the one package that has one.
 *
 * Errors: `image/no-kernel` when there is none, or several, or the file is none; `profile/no-source` when the file cannot be read.
 */
export async function findKernel(
  file: KernelFile | undefined,
  packages: ReadonlyMap<string, Tree>,
  epochSeconds: number,
  context: Pick<Context, "signal">,
): Promise<Kernel> {
  if (file !== undefined) return await kernelOfFile(file, packages, epochSeconds, context);
  const found = [...packages].flatMap(([name, tree]) => kernelsIn(tree).map((kernel) => ({ name, ...kernel })));
  const [first, ...others] = found;
  if (first === undefined)
    fail("image/no-kernel", "cannot make a bootable image: no package has a kernel in /boot", {
      hint: "leave kernel.package out for Debian's cloud kernel, or name a package linux-image-…",
    });
  if (others.length > 0)
    fail("image/no-kernel", `cannot choose a kernel: ${found.map(({ name }) => name).join(" and ")} have one each`, {
      hint: "name only one kernel package",
    });
  return first;
}

function kernelsIn(tree: Tree): Kernel[] {
  return tree.list("/boot").flatMap((name) => {
    const version = imageName.exec(name)?.[1];
    const image = tree.get(`/boot/${name}`);
    return version === undefined || image?.type !== "file"
      ? []
      : [{ version, image, catalog: readCatalog(tree, version) }];
  });
}

async function kernelOfFile(
  { path, protocol, where }: KernelFile,
  packages: ReadonlyMap<string, Tree>,
  epochSeconds: number,
  { signal }: Pick<Context, "signal">,
): Promise<Kernel> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    return fail("profile/no-source", `cannot read the kernel ${path}: ${reasonOf(error)}`, {
      hint: "kernel.file is relative to the profile",
      ...(where && { where }),
      cause: error,
    });
  }
  if (protocol !== "linux" && !hasMultibootHeader(bytes, protocol))
    fail("image/no-kernel", `cannot start ${path} by ${protocol}: GRUB would find no ${protocol} header in it`, {
      hint: protocol === "multiboot" ? "is it a multiboot2 kernel?" : "is it a multiboot kernel of the first kind?",
      ...(where && { where }),
    });
  const version = versionOf(bytes) ?? splitPath(path).name.replace(imageName, "$1");
  const image: FileNode = {
    ...defaultAttributes,
    type: "file",
    mode: 0o644,
    mtime: epochSeconds,
    origin: "profile kernel.file",
    content: bytesSource(bytes),
  };
  const tree = [...packages.values()].find((candidate) => candidate.has(`/usr/lib/modules/${version}`));
  return { version, image, catalog: tree && readCatalog(tree, version) };
}

function reasonOf(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === "ENOENT") return "there is no such file";
  if (errno === "EISDIR") return "it is a directory";
  return `it cannot be read (${errno})`;
}

/** The version in an x86 kernel's header (Linux, Documentation/arch/x86/boot.rst: "HdrS" at 0x202, kernel_version at 0x20e). */
function versionOf(bytes: Buffer): string | undefined {
  if (bytes.length < 0x210 || bytes.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const start = bytes.readUInt16LE(0x20e) + 0x200;
  return /^[\w.+~-]+/.exec(bytes.toString("latin1", start, start + 128))?.[0];
}
