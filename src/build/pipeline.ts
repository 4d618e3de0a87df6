import { type ByteSource, composeSource, emptySource } from "../core/byte-source.ts";
import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { deriveUuid } from "../core/seed.ts";
import type { Tree } from "../core/tree.ts";
import { initializerTree } from "../guest-config/guest-files.ts";
import { type LoadedProfile, locate } from "../profile/load.ts";
import type { Profile } from "../profile/schema.ts";
import { grubBios } from "./boot/grub-bios.ts";
import type { FileSystemPlan, FileSystemRequest } from "./filesystems/filesystem-writer.ts";
import { fileSystems } from "./filesystems/registry.ts";
import { packInitrd } from "./initrd.ts";
import { type DiskLayout, layoutDisk } from "./layout.ts";
import { type ArchiveOptions, imageSeed, packageRequest } from "./locking.ts";
import type { Lock } from "./packages/lock.ts";
import { openPackages } from "./packages/open.ts";
import { partitionTables } from "./partitions/registry.ts";
import { assembleRootfs } from "./rootfs/assemble.ts";

export interface PlanRequest extends ArchiveOptions {
  readonly loaded: LoadedProfile;
  readonly lock: Lock;
}

/** A disk of which every byte is decided and none is written yet. */
export interface PlannedImage {
  readonly name: string;
  readonly source: ByteSource;
  readonly layout: DiskLayout;
  /** The root file system's contents. */
  readonly tree: Tree;
  readonly rootUuid: string;
  readonly kernelVersion: string;
  readonly notes: readonly string[];
}

/**
 * From a profile and its lock to a planned disk: packages → root file system → initrd → boot loader → file system → disk. Writes nothing but
 * the cache.
 *
 * Errors: `packages/…`, `image/…`, and those of the profile's own files.
 */
export async function planImage(request: PlanRequest, context: Context): Promise<PlannedImage> {
  const { loaded, lock } = request;
  const { profile } = loaded;
  const { epochSeconds } = lock;
  const seed = imageSeed(loaded, lock);
  const rootUuid = deriveUuid(seed, "root file system");

  const opened = await openPackages(lock, packageRequest(profile, request), context);
  const isTool = new Set(lock.packages.filter(({ purpose }) => purpose === "tool").map(({ name }) => name));
  const packages = new Map([...opened].filter(([name]) => !isTool.has(name)));

  const rootfs = await step(context, "rootfs", "Assemble the root file system", async ({ note }) => {
    const guest = await initializerTree({ epochSeconds }, context);
    const made = await assembleRootfs({
      ...{ profile, packages, guest, epochSeconds, rootUuid, context },
      locate: (path) => locate(loaded, path),
    });
    note(`kernel ${made.kernelVersion}`);
    return made;
  });

  return await step(context, "disk", "Plan the disk", async ({ note }) => {
    const initrdPath = `/boot/initrd.img-${rootfs.kernelVersion}`;
    const table = partitionTables.mbr;
    // The initrd is compressed by other threads while this one links the boot loader.
    const packing = packInitrd(rootfs.initrd, epochSeconds);
    const boot = grubBios.plan({
      files: opened.get("grub-pc-bin") ?? fail("bug/internal", "the lock has no grub-pc-bin"),
      arch: profile.image.arch,
      rootUuid,
      fileSystemModules: ["ext2"],
      area: layoutDisk({ table, rootNeedsBytes: 0 }).gap,
      entry: {
        protocol: "linux",
        kernelPath: rootfs.kernelPath,
        initrdPath,
        modules: [],
        cmdline: profile.kernel.cmdline.join(" "),
        root: `UUID=${rootUuid}`,
      },
      kernel: emptySource,
      initrd: undefined,
      osRelease: "",
      epochSeconds,
    });
    const initrd = await packing;
    rootfs.tree.set(initrdPath, initrd);
    rootfs.tree.merge(boot.rootFiles);
    const { layout, fileSystem } = planRoot(profile, { tree: rootfs.tree, uuid: rootUuid, seed, epochSeconds });
    const { diskSizeBytes, partitions, root } = layout;
    const source = composeSource(diskSizeBytes, [
      ...table.plan({ diskSizeBytes, partitions, seed, bootCode: boot.bootCode }),
      ...boot.pieces,
      { offsetBytes: root.startBytes, source: fileSystem.source },
    ]);
    const initrdSize = formatBytes(initrd.content.sizeBytes);
    note(`${formatBytes(diskSizeBytes)}, ${formatBytes(fileSystem.freeBytes)} of it free, initrd ${initrdSize}`);
    const { name } = profile.image;
    const notes = [...rootfs.notes, ...fileSystem.notes];
    return { name, source, layout, tree: rootfs.tree, rootUuid, kernelVersion: rootfs.kernelVersion, notes };
  });
}

/** Lays disk and root out around each other: a disk of fixed size decides the file system's, an automatic one follows it. */
function planRoot(
  { disk }: Profile,
  contents: Pick<FileSystemRequest, "tree" | "uuid" | "seed" | "epochSeconds">,
): { layout: DiskLayout; fileSystem: FileSystemPlan } {
  const table = partitionTables.mbr;
  const writer = fileSystems[disk.fileSystem];
  const plan = (size: FileSystemRequest["size"]) => writer.plan({ ...contents, size, label: disk.label });
  if (disk.size === "auto") {
    const fileSystem = plan({ freeBytes: disk.additionalSpace });
    return { fileSystem, layout: layoutDisk({ table, rootNeedsBytes: fileSystem.source.sizeBytes }) };
  }
  const rootNeedsBytes = plan({ freeBytes: 0 }).source.sizeBytes;
  const layout = layoutDisk({ table, rootNeedsBytes, diskSizeBytes: disk.size });
  return { layout, fileSystem: plan({ exactBytes: layout.root.sizeBytes }) };
}
