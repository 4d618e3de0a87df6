import type { PlannedImage } from "../../../src/build/pipeline.ts";
import { type Node, Tree } from "../../../src/core/tree.ts";
import type { Profile } from "../../../src/profile/schema.ts";

/** What a partition should hold. */
export interface ExpectedVolume {
  readonly type: "ext4" | "squashfs" | "fat" | "iso9660" | "swap" | "esp";
  readonly label: string;
  readonly uuid: string;
  /** Of a partition with files of ours. */
  readonly tree?: Tree;
}

/** By partition number; without a table, the disk is number 1. */
export function expectedVolumes(
  { tree, identifiers }: PlannedImage,
  { disk }: Pick<Profile, "disk">,
): Map<number, ExpectedVolume> {
  const { numbers, table, extras } = identifiers;
  const root = copyOf(tree, "/");
  const volumes = new Map<number, ExpectedVolume>();
  disk.partitions.forEach(({ name, type, fileSystem, mount, label }, index) => {
    const { uuid, number } = extras[index] as (typeof extras)[number];
    const common = { label: label ?? name.slice(0, fileSystem === "fat" ? 11 : 16), uuid };
    if (type === "swap") volumes.set(number, { ...common, type });
    else {
      const taken = mount === undefined ? new Tree() : copyOf(tree, mount);
      volumes.set(number, { ...common, type: fileSystem, tree: taken });
      if (mount !== undefined) for (const child of tree.list(mount)) root.remove(`${mount}/${child}`);
    }
  });
  if (disk.fileSystem === "squashfs" && table !== "none") {
    const { uid, gid, mtime, origin } = tree.get("/etc/hostname") as Node;
    const ours = { uid, gid, mtime, origin };
    const data = new Tree({ ...ours, mode: 0o755 });
    for (const [path, node] of copyOf(tree, "/boot").entries()) data.set(path === "/" ? "/boot" : `/boot${path}`, node);
    for (const path of ["/overlay", "/overlay/upper", "/overlay/work"])
      data.set(path, { ...ours, type: "directory", mode: 0o755 });
    root.remove("/boot");
    root.set("/boot", { ...ours, type: "symlink", mode: 0o777, target: "data/boot" });
    root.set("/data", { ...ours, type: "directory", mode: 0o755 });
    volumes.set(numbers.data, { type: "ext4", label: "data", uuid: identifiers.dataUuid, tree: data });
  }
  const contents = disk.fileSystem === "fat" ? followed(root) : root;
  volumes.set(numbers.root, {
    type: disk.fileSystem,
    label: disk.label,
    uuid: identifiers.rootUuid,
    tree: contents,
  });
  if (["efi", "hybrid", "universal"].includes(table))
    volumes.set(numbers.esp, { type: "esp", label: "ESP", uuid: identifiers.espUuid });
  return volumes;
}

/** What is at and below a path, as a tree. Names of one file stay names of one file. */
function copyOf(tree: Tree, from: string): Tree {
  const copy = new Tree();
  for (const [path, node] of tree.entries()) {
    if (from === "/" || path === from) copy.set(path === from ? "/" : path, node);
    else if (path.startsWith(`${from}/`)) copy.set(path.slice(from.length), node);
  }
  return copy;
}

/** Copies in place of links; /var/run and /var/lock lead to what is made at boot, and become directories. */
function followed(tree: Tree): Tree {
  const flat = new Tree();
  const visit = (from: string, to: string) => {
    const isOurs = from === "/var/run" || from === "/var/lock";
    const resolved = isOurs ? "/var" : tree.resolve(from);
    if (resolved === undefined) throw new Error(`${from} leads nowhere`);
    const node = tree.get(resolved) as Node;
    flat.set(to, { ...node });
    if (node.type !== "directory" || isOurs) return;
    for (const name of tree.list(resolved))
      visit(`${resolved === "/" ? "" : resolved}/${name}`, `${to === "/" ? "" : to}/${name}`);
  };
  visit("/", "/");
  return flat;
}
