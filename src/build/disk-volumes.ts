import type { ByteSource } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import { Tree } from "../core/tree.ts";
import { firmwaresOf, tableChoices } from "../profile/choices.ts";
import type { Profile } from "../profile/schema.ts";
import { cdImagePath } from "./boot/grub-bios.ts";
import type { DiskRequest } from "./disk-request.ts";
import { flattenForFat } from "./filesystems/fat-root.ts";
import type { FileSystemWriter } from "./filesystems/filesystem-writer.ts";
import { iso9660Writer } from "./filesystems/iso9660-writer.ts";
import { espWriter, fileSystems } from "./filesystems/registry.ts";
import { swapSpace } from "./filesystems/swap.ts";
import { biosBootNumber, type Identifiers } from "./identifiers.ts";
import { alignBytes, alignUp } from "./layout.ts";
import { sizedBy, takeMounted, takeSubtree, type Volume, written } from "./volumes.ts";

type Work = Pick<Context, "signal" | "jobs">;

/** The least an EFI system partition should have: FAT32 with clusters of 512 bytes, which every firmware reads (Microsoft's FAT specification, EDK2). */
const leastEspBytes = 34 * alignBytes;
/** Where a CD has the file system that UEFI starts from. */
export const efiImagePath = "/boot/grub/efi.img";

/**
 * What a disk's partitions hold, in the order in which they lie on it: what has a fixed size first, and last what can grow. Takes out of the tree what goes
 * into partitions of its own.
 *
 * @param esp what the boot loaders put into the EFI system partition
 * @param lost told what FAT cannot keep
 */
export function volumesOf(request: DiskRequest, esp: Tree, lost: string[], work: Work): Volume[] {
  const { disk } = request.profile;
  const { table, efi, bios } = tableChoices[request.identifiers.table];
  const before = [
    ...(table === "gpt" && bios ? [biosBoot] : []),
    ...(efi ? [espVolume(request, esp, work)] : []),
    ...extraVolumes(request, lost, work),
  ];
  const root = rootVolume(request, lost, work);
  if (disk.fileSystem !== "squashfs" || table === "none") return [...before, root];
  return [...before, { ...root, bootable: false, freeBytes: 0 }, dataVolume(request, work)];
}

/** Written into directly, without a file system. */
const biosBoot: Volume = {
  ...{ number: biosBootNumber, kind: "bios-boot", bootable: false, name: "bios" },
  ...{ sizeBytes: alignBytes, freeBytes: 0 },
};

function espVolume({ profile, identifiers, epochSeconds }: DiskRequest, tree: Tree, work: Work): Volume {
  const { disk } = profile;
  const { seed, espUuid: uuid, numbers } = identifiers;
  const content = sizedBy(
    "the EFI system partition",
    "disk.bootSize",
    written(espWriter, { tree, label: "ESP", uuid, seed, epochSeconds }, work),
  );
  return {
    ...{ number: numbers.esp, kind: "esp", bootable: false, name: "esp", freeBytes: 0 },
    sizeBytes: disk.bootSize === "auto" ? undefined : disk.bootSize,
    async content(size, startBytes) {
      if ("exactBytes" in size) return await content(size, startBytes);
      const { source } = await content({ freeBytes: 0 }, startBytes);
      return await content({ exactBytes: Math.max(leastEspBytes, alignUp(source.sizeBytes)) }, startBytes);
    },
  };
}

function extraVolumes({ profile, identifiers, tree, epochSeconds }: DiskRequest, lost: string[], work: Work): Volume[] {
  const { disk } = profile;
  const { seed, extras } = identifiers;
  const taken = takeMounted(tree, disk.partitions);
  return disk.partitions.map((extra, index): Volume => {
    const { name, type, fileSystem, size } = extra;
    const { uuid, guid, number } = extras[index] as (typeof extras)[number];
    const label = extra.label ?? name.slice(0, fileSystem === "fat" ? 11 : 16);
    const own = taken.get(extra) ?? new Tree({ mtime: epochSeconds });
    const contents = type === "data" && fileSystem === "fat" ? withoutLinks(own, lost) : own;
    return {
      ...{ number, bootable: false, name, guid },
      kind: type === "swap" ? "swap" : fileSystem === "fat" ? "fat" : "linux",
      ...{ sizeBytes: size, freeBytes: 0 },
      content:
        type === "swap"
          ? (space) => swapSpace("exactBytes" in space ? space.exactBytes : 0, { label, uuid })
          : sizedBy(
              `the partition ${name}`,
              `disk.partitions[${index}].size`,
              written(fileSystems[fileSystem](disk), { seed, epochSeconds, tree: contents, label, uuid }, work),
            ),
    };
  });
}

function rootVolume({ profile, identifiers, tree, epochSeconds }: DiskRequest, lost: string[], work: Work): Volume {
  const { disk } = profile;
  const { seed, rootUuid, rootGuid, numbers } = identifiers;
  // Links of ours into what is made at boot: there is nothing to copy.
  if (disk.fileSystem === "fat" && profile.image.system === "busybox")
    for (const path of ["/var/lock", "/var/run"]) {
      tree.remove(path);
      tree.set(path, { type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: epochSeconds, origin: "cloudimg" });
    }
  const contents = disk.fileSystem === "fat" ? withoutLinks(tree, lost) : tree;
  return {
    ...{ number: numbers.root, name: "root", guid: rootGuid, bootable: true },
    kind: disk.fileSystem === "fat" ? "fat" : "linux",
    freeBytes: disk.additionalSpace,
    content: written(
      disk.fileSystem === "iso9660" ? discWriter(profile) : fileSystems[disk.fileSystem](disk),
      { seed, epochSeconds, tree: contents, label: disk.label, uuid: rootUuid },
      work,
    ),
  };
}

function dataVolume(request: DiskRequest, work: Work): Volume {
  const { profile, identifiers, epochSeconds } = request;
  const { seed, dataUuid: uuid, dataGuid: guid, numbers } = identifiers;
  return {
    ...{ number: numbers.data, name: "data", guid, bootable: true, kind: "linux" },
    freeBytes: profile.disk.additionalSpace,
    content: written(
      fileSystems.ext4(profile.disk),
      { seed, epochSeconds, tree: dataTree(request), label: "data", uuid },
      work,
    ),
  };
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

/** What UEFI takes for a CD's system partition: a file system in a file. */
export async function efiImage(
  tree: Tree,
  { seed, espUuid: uuid }: Identifiers,
  epochSeconds: number,
  work: Work,
): Promise<ByteSource> {
  const request = { tree, size: { freeBytes: 0 }, label: "ESP", uuid, seed, epochSeconds } as const;
  return (await fileSystems.fat().plan(request, work)).source;
}

/** FAT knows no links and no owners: what that changes is told. */
function withoutLinks(tree: Tree, lost: string[]): Tree {
  const flat = flattenForFat(tree);
  lost.push(...flat.lost);
  return flat.tree;
}
