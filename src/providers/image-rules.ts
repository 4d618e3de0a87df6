/** `error`: the import fails, or no instance will start. `warning`: something will probably not work. `note`: good to know. */
export type Severity = "error" | "warning" | "note";

/** What a cloud says of something that an image may have or lack. */
export interface Rule {
  readonly severity: Severity;
  /** The vendor's own error code, if its import has one for this. */
  readonly vendorCode?: string;
  /** Why the cloud minds, if it is not plain. A clause that ends a sentence: "its import knows MBR only". */
  readonly because?: string;
  /** What to do; without it, the rule's own advice is given. */
  readonly fix?: string;
}

/** The things that are looked for; each has its words and its test in src/examine/check-{disk,system}-rules.ts, and a line in check-reference.ts. */
export type RuleName =
  | "format"
  | "several-files"
  | "backing-file"
  | "zstd-clusters"
  | "compressed-clusters"
  | "rounded-size"
  | "too-large"
  | "too-small"
  | "file-too-large"
  | "damaged"
  | "no-table"
  | "disc"
  | "several-partitions"
  | "gpt"
  | "no-boot-code"
  | "uefi-only"
  | "no-root"
  | "root-unreadable"
  | "root-not-first"
  | "first-not-writable"
  | "root-not-last"
  | "file-system"
  | "ext4-64bit"
  | "ext4-project-quota"
  | "not-clean"
  | "encrypted"
  | "lvm"
  | "fstab-device-names"
  | "fstab-other-disks"
  | "root-device-name"
  | "no-virtio"
  | "no-nvme"
  | "no-initializer"
  | "own-initializer"
  | "other-datasources"
  | "static-network"
  | "no-ssh"
  | "guest-agent"
  | "firewall"
  | "selinux"
  | "persistent-network-names"
  | "other-network-names"
  | "no-serial-console"
  | "no-shadow"
  | "no-issue"
  | "secrets";

/** What a cloud takes, as data. Sources are named in each cloud's file. */
export interface ImageRules {
  /** As people call it. */
  readonly title: string;
  readonly formats: readonly string[];
  /** Size of the disk. */
  readonly leastBytes?: number;
  readonly mostBytes?: number;
  /** Of the file, or of what it holds if `mostFileIsData`. */
  readonly mostFileBytes?: number;
  readonly mostFileIsData?: boolean;
  readonly fileSystems: readonly string[];
  /** What cloud-init calls the ways in which the cloud tells an instance its settings. */
  readonly datasources?: readonly string[];
  /** What the cloud minds; what is not named here it does not. */
  readonly rules: Partial<Record<RuleName, Rule>>;
}
