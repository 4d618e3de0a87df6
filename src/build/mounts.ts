import type { Profile } from "../profile/schema.ts";
import { rootWord } from "./disk-boot.ts";
import { fatSerial, type Identifiers } from "./identifiers.ts";
import type { RootMounts } from "./rootfs/mounts.ts";

/** The kernel modules without which a root of this kind cannot be mounted; taken where they are not built in. */
const modulesOf: Readonly<Record<Profile["disk"]["fileSystem"], readonly string[]>> = {
  ext4: ["ext4"],
  squashfs: ["squashfs", "overlay", "ext4"],
  iso9660: ["isofs", "overlay", "sr_mod"],
  fat: ["vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8"],
};

/** What is mounted where, in the initrd and by fstab. */
export function mountsOf(profile: Profile, identifiers: Identifiers): RootMounts {
  const { disk } = profile;
  const readOnly = disk.fileSystem === "squashfs" || disk.fileSystem === "iso9660";
  const hasData = disk.fileSystem === "squashfs" && identifiers.table !== "none";
  const type = disk.fileSystem === "fat" ? "vfat" : disk.fileSystem;
  const root = readOnly
    ? { device: "overlay", directory: "/", type: "overlay" }
    : { device: rootWord(profile, identifiers), directory: "/", type };
  const extras = disk.partitions.flatMap(({ type: kind, mount, fileSystem }, index) => {
    const uuid = identifiers.extras[index]?.uuid as string;
    if (kind === "swap") return [{ device: `UUID=${uuid}`, directory: "none", type: "swap" }];
    if (mount === undefined) return [];
    const device = `UUID=${fileSystem === "fat" ? fatSerial(uuid) : uuid}`;
    return [{ device, directory: mount, type: fileSystem === "fat" ? "vfat" : "ext4" }];
  });
  // `mount -a` goes from top to bottom: /srv comes before /srv/data.
  extras.sort((a, b) => a.directory.split("/").length - b.directory.split("/").length);
  return {
    type,
    overlay: readOnly ? (disk.fileSystem === "squashfs" ? disk.squashfs.overlay : "tmpfs") : "none",
    data: hasData ? `UUID=${identifiers.dataUuid}` : undefined,
    initrdModules: modulesOf[disk.fileSystem],
    modules: disk.partitions.some(({ fileSystem }) => fileSystem === "fat") ? modulesOf.fat : [],
    fstab: [root, ...extras],
  };
}
