import { type ByteSource, readAll } from "../core/byte-source.ts";
import { type Context, step } from "../core/context.ts";
import { formatBytes } from "../core/format.ts";
import { keptBytes } from "../core/kept-bytes.ts";
import { Tree } from "../core/tree.ts";
import { initializerTree } from "../guest-config/guest-files.ts";
import { firmwaresOf } from "../profile/choices.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { locate } from "../profile/positioned.ts";
import type { Profile } from "../profile/schema.ts";
import { addBootModules } from "./boot-modules.ts";
import { planDisk } from "./disk.ts";
import type { FileSystemPlan } from "./filesystems/filesystem-writer.ts";
import { type Identifiers, identifiersOf } from "./identifiers.ts";
import { packInitrd } from "./initrd.ts";
import { keptLzma } from "./kept-lzma.ts";
import type { DiskLayout } from "./layout.ts";
import { type ArchiveOptions, imageSeed, packageRequest } from "./locking.ts";
import { addImageManifest } from "./manifest.ts";
import { mountsOf } from "./mounts.ts";
import type { Lock } from "./packages/lock.ts";
import { openPackages } from "./packages/open.ts";
import { openArchives } from "./packages/tar-archives.ts";
import type { PlannedPartition } from "./partitions/partition-table.ts";

import { assembleRootfs } from "./rootfs/assemble.ts";
import { addSbom, sbomFiles } from "./sbom.ts";
import type { SideFile } from "./side-file.ts";
import { cloudimgVersion } from "./version.ts";
import { contentAt } from "./volumes.ts";

export interface PlanRequest extends ArchiveOptions {
  readonly loaded: LoadedProfile;
  readonly lock: Lock;
}

/** A disk of which every byte is decided and none is written yet. */
export interface PlannedImage {
  readonly name: string;
  readonly source: ByteSource;
  readonly layout: DiskLayout;
  /** The root's place, one of the layout's. */
  readonly root: PlannedPartition;
  /** The root file system's contents, with what lies in partitions of its own. */
  readonly tree: Tree;
  readonly identifiers: Identifiers;
  readonly kernelVersion: string;
  readonly notes: readonly string[];
  /** The root file system's features, each with its reason. */
  readonly features: NonNullable<FileSystemPlan["features"]>;
  /** Bills of materials, to be written beside the image. */
  readonly sideFiles: readonly SideFile[];
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
  const identifiers = identifiersOf(profile, seed, epochSeconds);
  const kept = keptBytes(context);

  const opened = await openPackages(lock, packageRequest(profile, request), context);
  const isTool = new Set(lock.packages.filter(({ purpose }) => purpose === "tool").map(({ name }) => name));
  const packages = new Map([...opened].filter(([name]) => !isTool.has(name)));
  const tools = new Tree();
  for (const [name, files] of opened) if (isTool.has(name)) tools.merge(files);

  const rootfs = await step(context, "rootfs", "Assemble the root file system", async ({ note }) => {
    const guest = await initializerTree({ epochSeconds }, context);
    const archives = await openArchives(profile.archives, (index) => locate(loaded, ["archives", index]), context);
    const made = await assembleRootfs({
      ...{ profile, packages, archives, guest, epochSeconds, kept, context, mounts: mountsOf(profile, identifiers) },
      locate: (path) => locate(loaded, path),
    });
    note(`kernel ${made.kernelVersion}`);
    return made;
  });

  return await step(context, "disk", "Plan the disk", async ({ note }) => {
    const { tree } = rootfs;
    const initrdPath = rootfs.initrd === undefined ? undefined : `/boot/initrd.img-${rootfs.kernelVersion}`;
    const initrd = rootfs.initrd === undefined ? undefined : await packInitrd(rootfs.initrd, epochSeconds, kept);
    if (initrdPath !== undefined && initrd !== undefined) tree.set(initrdPath, initrd);
    const bootModules = addBootModules(tree, profile, epochSeconds, (index) =>
      locate(loaded, ["kernel", "bootModules", index]),
    );
    const contents = new Tree();
    const sideFiles = sbomFiles(
      { ...{ image: profile.image, lock, packages: opened, seed, cloudimgVersion: cloudimgVersion() } },
      kept,
    );
    const disk = await planDisk(
      {
        ...{ profile, identifiers, tree, initrdPath, tools, epochSeconds, bootModules },
        kernelPath: rootfs.kernelPath,
        lzma: keptLzma(kept),
        complete(whole, placedPaths) {
          // Somebody else's system without any package gets no directories of ours for an empty list.
          if (packages.size > 0) addSbom(whole, sideFiles, epochSeconds);
          addImageManifest({ loaded, lock, tree: whole, placedPaths });
          contents.merge(whole);
        },
      },
      context,
    );
    const { layout, source, root } = disk;
    const handedOver =
      firmwaresOf(profile).length > 0 ? [] : kernelFiles(profile, contents, rootfs.kernelPath, initrdPath);
    const initrdSize = initrd === undefined ? "" : `, initrd ${formatBytes(initrd.content.sizeBytes)}`;
    const { freeBytes } = disk.rootFileSystem;
    // A squashfs or a disc has none, and need not say so.
    const free = freeBytes > 0 ? `, ${formatBytes(freeBytes)} of it free` : "";
    note(`${formatBytes(layout.diskSizeBytes)}${free}${initrdSize}`);
    return {
      ...{ name: profile.image.name, source, layout, root, tree: contents, identifiers },
      kernelVersion: rootfs.kernelVersion,
      sideFiles: [...sideFiles, ...handedOver],
      notes: [...rootfs.notes, ...disk.notes],
      features: disk.rootFileSystem.features ?? [],
    };
  });
}

/** For an image without a boot loader: what a machine is handed beside the disk. */
function kernelFiles(
  { image: { name } }: Profile,
  tree: Tree,
  kernelPath: string,
  initrdPath: string | undefined,
): SideFile[] {
  const files = {
    [`${name}.vmlinuz`]: kernelPath,
    ...(initrdPath !== undefined && { [`${name}.initrd`]: initrdPath }),
  };
  return Object.entries(files).flatMap(([fileName, path]) => {
    const content = contentAt(tree, path);
    return content === undefined ? [] : [{ fileName, bytes: readAll(content) }];
  });
}
