/** A line of fstab(5). */
interface FstabEntry {
  readonly device: string;
  readonly directory: string;
  readonly type: string;
}

/** What is mounted where. */
export interface RootMounts {
  /** The root file system's type, as mount(8) calls it. */
  readonly type: string;
  /** Where changes go if the root is read-only: `tmpfs`, into memory; `data`, into the data partition. */
  readonly overlay: "none" | "tmpfs" | "data";
  /** The data partition, `UUID=…`, which the initrd mounts at /data. */
  readonly data: string | undefined;
  /** Modules that mounting the root takes; those that the kernel has built in, or does not have, do not count. */
  readonly initrdModules: readonly string[];
  /** The same of further partitions. */
  readonly modules: readonly string[];
  /** The root first. */
  readonly fstab: readonly FstabEntry[];
}

/** Device names differ from cloud to cloud, and an import must not find other disks in here. The last column would be fsck, which is not in the image. */
export function fstab({ fstab: entries }: RootMounts): string {
  const lines = entries.map(({ device, directory, type }) =>
    [device, escaped(directory), type, "defaults", "0", "0"].join("\t"),
  );
  return `# device\tdirectory\ttype\toptions\tdump\tpass\n${lines.join("\n")}\n`;
}

/** fstab(5): white space divides the columns, so in a path it is written in octal. */
function escaped(path: string): string {
  return path.replace(/[\s\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
