import { commonRules } from "../common-rules.ts";
import type { ImageRules } from "../image-rules.ts";

/**
 * Tencent Cloud, CVM API 2017-03-12 `ImportImage`, and the documents 213/4945 ("Importing images") and 213/12849 ("Making a Linux image"). Why an import
 * failed is told in no API, only by mail to the account's owner: what is not found here costs an upload.
 */
export const tencentRules: ImageRules = {
  title: "Tencent Cloud",
  formats: ["raw", "vhd", "qcow2", "vmdk"],
  mostBytes: 500e9,
  mostFileBytes: 50e9,
  mostFileIsData: true,
  fileSystems: ["ext4", "ext3", "ext2", "xfs"],
  datasources: ["ConfigDrive"],
  rules: {
    ...commonRules,
    format: { severity: "error", vendorCode: "InvalidFormatSize" },
    "several-files": { severity: "error", vendorCode: "InvalidFormatSize", because: "one object is imported" },
    "zstd-clusters": { severity: "error", vendorCode: "InvalidFormatSize" },
    "compressed-clusters": { severity: "note", because: "its documents are silent on them" },
    "too-large": { severity: "error", vendorCode: "InvalidFormatSize" },
    "file-too-large": { severity: "error", vendorCode: "InvalidFormatSize" },
    "no-table": { severity: "error", vendorCode: "PartitionNotPresent" },
    disc: { severity: "error", vendorCode: "InvalidParameterValue.ISOMustImportByForce", fix: "import with Force" },
    gpt: { severity: "warning", vendorCode: "PartitionNotPresent", because: "its documents know MBR only" },
    "no-boot-code": { severity: "error", vendorCode: "PartitionNotPresent" },
    "uefi-only": {
      severity: "warning",
      because: "images boot by BIOS there unless the import says otherwise",
      fix: "import with BootMode UEFI, as cloudimg does, or use disk.partitionTable universal",
    },
    "no-root": { severity: "error", vendorCode: "RootPartitionNotFound" },
    "root-not-first": {
      severity: "warning",
      vendorCode: "RootPartitionNotFound",
      because: "its import mounts partition 1",
    },
    "file-system": { severity: "error", vendorCode: "RootPartitionNotFound", because: "its import must find the root" },
    lvm: { severity: "warning", vendorCode: "RootPartitionNotFound" },
    "fstab-other-disks": { severity: "error", because: "its documents forbid it: the import fails" },
    "no-virtio": { severity: "error", vendorCode: "VirtioNotInstall" },
    "no-initializer": { severity: "error", vendorCode: "CloudInitNotInstalled" },
    "own-initializer": {
      severity: "note",
      vendorCode: "CloudInitNotInstalled",
      because: "its import looks for cloud-init",
      fix: "import with Force; the initializer reads the CD-ROM that such instances get",
    },
    "other-datasources": { severity: "warning", because: "keys and passwords of the console never get in" },
    "no-shadow": { severity: "error", because: "it sets passwords there" },
    "other-network-names": {
      severity: "warning",
      because: "what it writes is meant for eth0",
      fix: "put net.ifnames=0 on the kernel's command line",
    },
    "no-serial-console": { severity: "note", because: "it shows no serial console; its own is VGA" },
  },
};
