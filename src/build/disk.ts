import {
  type ByteSource,
  composeSource,
  emptySource,
  overlaySource,
  type Piece,
  readAll,
} from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import { Tree } from "../core/tree.ts";
import { commandLine, firmwaresOf, tableChoices } from "../profile/choices.ts";
import type { Profile } from "../profile/schema.ts";
import type { BootEntry, Bootloader, BootPlan, BootRequest } from "./boot/bootloader.ts";
import { cdImagePath } from "./boot/grub-bios.ts";
import { bootloaders } from "./boot/registry.ts";
import { flattenForFat } from "./filesystems/fat-root.ts";
import type { FileSystemPlan, FileSystemWriter } from "./filesystems/filesystem-writer.ts";
import { iso9660Writer } from "./filesystems/iso9660-writer.ts";
import { espWriter, fileSystems } from "./filesystems/registry.ts";
import { swapSpace } from "./filesystems/swap.ts";
import { biosBootNumber, fatSerial, type Identifiers, rootPartUuid } from "./identifiers.ts";
import { alignBytes, alignUp, type DiskLayout } from "./layout.ts";
import { makeMountPoints } from "./mount-points.ts";
import type { PlannedPartition } from "./partitions/partition-table.ts";
import { partitionTables } from "./partitions/registry.ts";
import {
  contentAt,
  type PlacedVolumes,
  placeVolumes,
  sizedBy,
  takeMounted,
  takeSubtree,
  type Volume,
  written,
} from "./volumes.ts";

export interface DiskRequest {
  readonly profile: Profile;
  readonly identifiers: Identifiers;
  /** The whole root file system, with kernel and initrd in /boot. What goes into partitions of its own is taken out. */
  readonly tree: Tree;
  readonly kernelPath: string;
  readonly initrdPath: string | undefined;
  readonly bootModules: BootEntry["modules"];
  /** The merged trees of the packages that boot loaders are made from. */
  readonly tools: Tree;
  readonly epochSeconds: number;
  /** Called when the tree holds all that goes into the root file system, and nothing is planned yet; with the paths of what will be told where it lies. */
  readonly complete?: (tree: Tree, placedPaths: readonly string[]) => void;
  readonly lzma?: BootRequest["lzma"];
}

export interface PlannedDisk {
  readonly source: ByteSource;
  readonly layout: DiskLayout;
  /** The root's place, one of the layout's. */
  readonly root: PlannedPartition;
  readonly rootFileSystem: FileSystemPlan;
  readonly notes: readonly string[];
}

/** The least an EFI system partition should have: FAT32 with clusters of 512 bytes, which every firmware reads (Microsoft's FAT specification, EDK2). */
const leastEspBytes = 34 * alignBytes;
/** Where a CD has the file system that UEFI starts from. */
const efiImagePath = "/boot/grub/efi.img";

/** A root file system becomes a disk: boot loaders, file systems, partitions. */
export async function planDisk(request: DiskRequest, context: Pick<Context, "signal" | "jobs">): Promise<PlannedDisk> {
  const { profile, identifiers, tree, epochSeconds } = request;
  const { seed, diskGuid } = identifiers;
  const { disk } = profile;
  const table = partitionTables[tableChoices[identifiers.table].table];

  const loaders = loadersOf(profile).map((loader) => loader.plan(bootRequest(request)));
  const esp = new Tree({ mtime: epochSeconds, origin: "boot loader" });
  for (const { rootFiles, espFiles } of loaders) {
    tree.merge(rootFiles, { replace: true });
    esp.merge(espFiles);
  }
  if (disk.fileSystem === "iso9660" && [...esp.entries()].length > 1)
    tree.set(efiImagePath, {
      ...{ type: "file", mode: 0o644, uid: 0, gid: 0, mtime: epochSeconds, origin: "boot loader" },
      content: await efiImage(esp, identifiers, epochSeconds, context),
    });
  const placedPaths = loaders.flatMap((loader) => loader.placedPaths ?? []);
  makeMountPoints(tree, disk.partitions, epochSeconds);
  request.complete?.(tree, placedPaths);
  const lost: string[] = [];
  const volumes = volumesOf(request, esp, lost, context);
  const placed = await placeVolumes(table, volumes, disk.size === "auto" ? undefined : disk.size);
  const { layout, plans } = placed;
  const { numbers } = identifiers;
  const rootFileSystem = plans.get(numbers.root) as FileSystemPlan;
  const { diskSizeBytes, partitions } = layout;
  const bootCode = loaders.find((loader) => loader.bootCode !== undefined)?.bootCode;
  const locate = rootFileSystem.locate ?? (() => undefined);
  const overlays = loaders.flatMap(({ overlay }) => overlay?.(locate) ?? []);
  const composed = composeSource(diskSizeBytes, [
    ...table.plan({ diskSizeBytes, partitions, seed, diskGuid, bootCode }),
    ...loaders.flatMap(({ pieces }) => pieces),
    ...placed.pieces,
  ]);
  return {
    source: overlaySource(composed, withCopies(overlays, rootFileSystem.bootSectorCopies)),
    layout,
    root: partitions.find(({ number }) => number === numbers.root) as PlannedPartition,
    rootFileSystem,
    notes: [...notesOn(loaders, placed, identifiers), ...lost],
  };
}

const sectorBytes = 512;

/** What goes into the first sector goes into its copies as well. */
function withCopies(pieces: readonly Piece[], copies: readonly number[] = []): Piece[] {
  const first = pieces.filter(({ offsetBytes }) => offsetBytes < sectorBytes);
  const again = copies.flatMap((atBytes) =>
    first.map(({ offsetBytes, source }) => ({ offsetBytes: atBytes + offsetBytes, source })),
  );
  return [...pieces, ...again];
}

/** The boot loaders that a profile's machines need; also known before anything is resolved, for their packages. */
export function loadersOf(profile: Pick<Profile, "image" | "disk" | "boot" | "kernel">): Bootloader[] {
  const firmwares = firmwaresOf(profile);
  const found: Bootloader[] = [];
  const isCd = profile.disk.fileSystem === "iso9660";
  if (firmwares.includes("bios")) found.push(bootloaders[isCd ? "grub-cd" : "grub-bios"]);
  if (firmwares.includes("uefi")) found.push(bootloaders[profile.boot.efi === "uki" ? "uki" : "grub-efi"]);
  return found;
}

function bootRequest(request: DiskRequest): BootRequest {
  const { profile, identifiers, tree, kernelPath, initrdPath, epochSeconds, tools } = request;
  const { kernel, image } = profile;
  const osRelease = contentAt(tree, tree.resolve("/etc/os-release") ?? "/usr/lib/os-release");
  return {
    arch: image.arch,
    files: tools,
    entry: {
      protocol: kernel.protocol,
      kernelPath,
      initrdPath,
      modules: request.bootModules,
      cmdline: commandLine(profile).join(" "),
      root: kernel.protocol === "linux" ? rootWord(profile, identifiers) : undefined,
    },
    ...bootFileSystem(profile, identifiers),
    area: bootArea(identifiers),
    kernel: contentAt(tree, kernelPath) ?? emptySource,
    initrd: initrdPath === undefined ? undefined : contentAt(tree, initrdPath),
    osRelease: osRelease === undefined ? "" : new TextDecoder().decode(readAll(osRelease)),
    epochSeconds,
    lzma: request.lzma,
  };
}

/** What UEFI takes for a CD's system partition: a file system in a file. */
async function efiImage(
  tree: Tree,
  { seed, espUuid: uuid }: Identifiers,
  epochSeconds: number,
  context: Pick<Context, "signal" | "jobs">,
): Promise<ByteSource> {
  const request = { tree, size: { freeBytes: 0 }, label: "ESP", uuid, seed, epochSeconds } as const;
  return (await fileSystems.fat().plan(request, context)).source;
}

/** What the kernel's command line calls the root. */
export function rootWord({ disk }: Pick<Profile, "disk">, identifiers: Identifiers): string {
  if (disk.fileSystem === "iso9660") return `UUID=${identifiers.discId}`;
  if (disk.fileSystem === "fat") return `UUID=${fatSerial(identifiers.rootUuid)}`;
  if (disk.fileSystem === "ext4") return `UUID=${identifiers.rootUuid}`;
  // A squashfs has no UUID. Without a table there is nothing else to tell disks apart by.
  return identifiers.table === "none" ? "/dev/vda" : `PARTUUID=${rootPartUuid(identifiers)}`;
}

/** The file system that GRUB reads kernel and configuration from. */
function bootFileSystem(
  { disk }: Profile,
  { rootUuid, dataUuid, discId }: Identifiers,
): Pick<BootRequest, "rootUuid" | "fileSystemModules"> {
  if (disk.fileSystem === "iso9660") return { rootUuid: discId, fileSystemModules: ["iso9660"] };
  if (disk.fileSystem === "fat") return { rootUuid: fatSerial(rootUuid), fileSystemModules: ["fat"] };
  return { rootUuid: disk.fileSystem === "squashfs" ? dataUuid : rootUuid, fileSystemModules: ["ext2"] };
}

/** Behind an MBR the first MiB is free; in a GPT a partition is made for boot code. */
function bootArea({ table }: Identifiers): BootRequest["area"] {
  const choice = tableChoices[table];
  if (!choice.bios || choice.table === "none") return undefined;
  const { startBytes } = partitionTables[choice.table].reserved;
  return choice.table === "mbr"
    ? { startBytes, endBytes: alignBytes }
    : { startBytes: alignBytes, endBytes: 2 * alignBytes };
}

/** In the order in which they lie on the disk: what has a fixed size first, and last what can grow. */
function volumesOf(
  request: DiskRequest,
  espTree: Tree,
  lost: string[],
  context: Pick<Context, "signal" | "jobs">,
): Volume[] {
  const { profile, identifiers, tree, epochSeconds } = request;
  const { disk } = profile;
  const { table, seed, espUuid, rootUuid, rootGuid, dataUuid, dataGuid, numbers, extras } = identifiers;
  const choice = tableChoices[table];
  const common = { seed, epochSeconds };
  const volumes: Volume[] = [];
  if (choice.table === "gpt" && choice.bios)
    volumes.push({
      ...{ number: biosBootNumber, kind: "bios-boot", bootable: false, name: "bios" },
      ...{ sizeBytes: alignBytes, freeBytes: 0 },
    });
  if (choice.efi) {
    const content = sizedBy(
      "the EFI system partition",
      "disk.bootSize",
      written(espWriter, { ...common, tree: espTree, label: "ESP", uuid: espUuid }, context),
    );
    const sizeBytes = disk.bootSize === "auto" ? undefined : disk.bootSize;
    const atLeast: Volume["content"] = async (size, startBytes) => {
      if ("exactBytes" in size) return await content(size, startBytes);
      const { source } = await content({ freeBytes: 0 }, startBytes);
      return await content({ exactBytes: Math.max(leastEspBytes, alignUp(source.sizeBytes)) }, startBytes);
    };
    volumes.push({
      ...{ number: numbers.esp, kind: "esp", bootable: false, name: "esp" },
      ...{ sizeBytes, freeBytes: 0, content: atLeast },
    });
  }
  const taken = takeMounted(tree, disk.partitions);
  disk.partitions.forEach((extra, index) => {
    const { name, type, fileSystem, size } = extra;
    const { uuid, guid, number } = extras[index] as (typeof extras)[number];
    const label = extra.label ?? name.slice(0, fileSystem === "fat" ? 11 : 16);
    const own = taken.get(extra) ?? new Tree({ mtime: epochSeconds });
    const contents = type === "data" && fileSystem === "fat" ? withoutLinks(own, lost) : own;
    volumes.push({
      ...{ number, bootable: false, name, guid },
      kind: type === "swap" ? "swap" : fileSystem === "fat" ? "fat" : "linux",
      ...{ sizeBytes: size, freeBytes: 0 },
      content:
        type === "swap"
          ? (space) => swapSpace("exactBytes" in space ? space.exactBytes : 0, { label, uuid })
          : sizedBy(
              `the partition ${name}`,
              `disk.partitions[${index}].size`,
              written(fileSystems[fileSystem](disk), { ...common, tree: contents, label, uuid }, context),
            ),
    });
  });
  // Links of ours into what is made at boot: there is nothing to copy.
  if (disk.fileSystem === "fat" && profile.image.system === "busybox")
    for (const path of ["/var/lock", "/var/run"]) {
      tree.remove(path);
      tree.set(path, { type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: epochSeconds, origin: "cloudimg" });
    }
  const contents = disk.fileSystem === "fat" ? withoutLinks(tree, lost) : tree;
  const root: Volume = {
    ...{ number: numbers.root, name: "root", guid: rootGuid, bootable: disk.fileSystem !== "squashfs" },
    kind: disk.fileSystem === "fat" ? "fat" : "linux",
    freeBytes: disk.additionalSpace,
    content: written(
      disk.fileSystem === "iso9660" ? discWriter(profile) : fileSystems[disk.fileSystem](disk),
      { ...common, tree: contents, label: disk.label, uuid: rootUuid },
      context,
    ),
  };
  if (disk.fileSystem !== "squashfs" || choice.table === "none") return [...volumes, root];
  const data: Volume = {
    ...{ number: numbers.data, name: "data", guid: dataGuid, bootable: true, kind: "linux" },
    freeBytes: disk.additionalSpace,
    content: written(
      fileSystems.ext4(disk),
      { ...common, tree: dataTree(request), label: "data", uuid: dataUuid },
      context,
    ),
  };
  return [...volumes, { ...root, freeBytes: 0 }, data];
}

/** A CD that boots by all that its loaders are for. */
function discWriter(profile: Profile): FileSystemWriter {
  const firmwares = firmwaresOf(profile);
  return iso9660Writer({
    boot: {
      ...(firmwares.includes("bios") && { bios: { path: cdImagePath } }),
      ...(firmwares.includes("uefi") && { efi: { path: efiImagePath } }),
    },
  });
}

/**
 * What lies beside a squashfs root: /boot, where GRUB reads it, and where the overlay keeps what changes. The root gets a link in its place. The initrd mounts it at /data.
 */
function dataTree({ tree, epochSeconds }: DiskRequest): Tree {
  const attributes = { uid: 0, gid: 0, mtime: epochSeconds, origin: "cloudimg" };
  const data = new Tree(attributes);
  for (const [path, node] of takeSubtree(tree, "/boot").entries())
    data.set(path === "/" ? "/boot" : `/boot${path}`, node);
  for (const path of ["/overlay", "/overlay/upper", "/overlay/work"])
    data.set(path, { ...attributes, type: "directory", mode: 0o755 });
  tree.remove("/boot");
  tree.set("/boot", { ...attributes, type: "symlink", mode: 0o777, target: "data/boot" });
  tree.set("/data", { ...attributes, type: "directory", mode: 0o755 });
  return data;
}

/** FAT knows no links and no owners: what that changes is told. */
function withoutLinks(tree: Tree, lost: string[]): Tree {
  const flat = flattenForFat(tree);
  lost.push(...flat.lost);
  return flat.tree;
}

function notesOn(loaders: readonly BootPlan[], { plans }: PlacedVolumes, { numbers }: Identifiers): string[] {
  const root = plans.get(numbers.root)?.notes ?? [];
  return [...root, ...loaders.flatMap(({ notes }) => notes ?? [])];
}
