/** What an import finds when it really opens the file, in no cloud's words. */
export interface ImportFacts {
  /** As our disk formats are called; `unknown` if it is none. */
  readonly format: "raw" | "qcow2" | "vhd" | "vhdx" | "vmdk" | "vdi" | "unknown";
  /** Of the disk in it. */
  readonly virtualSizeBytes: number;
  readonly fileSizeBytes: number;
  /** Of the disk, what the file holds. Absent: all of it. */
  readonly dataBytes?: number | undefined;
  /** Needs another file: a backing file, extents. */
  readonly isWhole: boolean;
  readonly table: "mbr" | "gpt" | undefined;
  /** By which firmware it can start. */
  readonly bootsBy: readonly ("bios" | "uefi")[];
  readonly hasRoot: boolean;
  /** Its kernel finds virtio disks and cards. */
  readonly hasVirtio: boolean;
  readonly hasNvme: boolean;
  readonly hasCloudInit: boolean;
  /** cloudimg-init */
  readonly hasOwnInitializer: boolean;
  /** It cannot be read: why. */
  readonly damage?: string | undefined;
}

/** How a rehearsal looks into an image: that is not its own business. */
export type ImportInspector = (path: string) => Promise<ImportFacts>;
