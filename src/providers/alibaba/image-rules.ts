import { commonRules } from "../common-rules.ts";
import type { ImageRules } from "../image-rules.ts";

const GiB = 1024 ** 3;

/** Alibaba Cloud, ECS API 2014-05-26 `ImportImage`, and the documents "Notes for importing custom images" and "Image compliance tool". */
export const alibabaRules: ImageRules = {
  title: "Alibaba Cloud",
  formats: ["raw", "vhd", "qcow2"],
  mostBytes: 2048 * GiB,
  leastBytes: 5 * GiB,
  fileSystems: ["ext4", "ext3", "xfs"],
  datasources: ["AliYun"],
  rules: {
    ...commonRules,
    format: { severity: "error", vendorCode: "InvalidImageFormat.Malformed" },
    "several-files": { severity: "error", vendorCode: "InvalidImageFormat.Malformed" },
    "zstd-clusters": { severity: "error", vendorCode: "InvalidImageFormat.Malformed" },
    "too-large": { severity: "error", vendorCode: "InvalidImageSize" },
    "too-small": {
      severity: "note",
      because: "a Customized Linux has at least that",
      fix: "import with Platform Others Linux, or set disk.size to 5GiB",
    },
    "no-table": { severity: "warning" },
    "uefi-only": {
      severity: "warning",
      because: "images boot by BIOS there unless the import says otherwise",
      fix: "import with BootMode UEFI, as cloudimg does, or use disk.partitionTable universal",
    },
    "root-not-first": { severity: "note", because: "a Customized Linux finds its settings in partition 1" },
    "first-not-writable": {
      severity: "warning",
      because: "it writes the settings of a Customized Linux into partition 1",
      fix: "import with Platform Others Linux, or put a writable ext4 or FAT partition first",
    },
    "file-system": { severity: "warning" },
    "ext4-64bit": {
      severity: "warning",
      because: "its documents forbid it",
      fix: "use disk.ext4.features portable, or `resize2fs -s` on the unmounted file system",
    },
    "ext4-project-quota": { severity: "error", because: "its documents forbid both together" },
    lvm: { severity: "warning", because: "its growth and password tools know plain partitions only" },
    "root-not-last": { severity: "warning", because: "the root cannot grow with the disk then" },
    "no-nvme": {
      severity: "note",
      because: "newer instance types have NVMe disks only",
      fix: "add nvme to kernel.initrdModules, then import with Features.NvmeSupport supported",
    },
    "no-initializer": { severity: "warning", because: "keys and passwords of the console never get in" },
    "other-datasources": { severity: "warning", because: "keys and passwords of the console never get in" },
    "static-network": { severity: "warning", because: "addresses come by DHCP" },
    disc: { severity: "error", vendorCode: "InvalidImageFormat.Malformed" },
    "several-partitions": { severity: "note", because: "it grows a single root only" },
    "guest-agent": {
      severity: "warning",
      because: "its documents ask for qemu-guest-agent to be absent: it keeps services from working",
    },
    firewall: { severity: "warning", because: "its documents ask for it to be off; use the security group" },
    selinux: { severity: "note", because: "its documents advise to turn it off" },
    "no-shadow": { severity: "warning", because: "it sets passwords there" },
    "no-issue": { severity: "note", because: "it recognises the system by it" },
  },
};
