import { commonRules } from "../common-rules.ts";
import type { ImageRules } from "../image-rules.ts";

const GiB = 1024 ** 3;

/** Huawei Cloud, IMS API v2 `POST /v2/cloudimages/action`, and the user guide's "Creating a Linux system disk image from an external image file". */
export const huaweiRules: ImageRules = {
  title: "Huawei Cloud",
  formats: ["vmdk", "vhd", "qcow2", "raw", "vdi"],
  mostBytes: 1024 * GiB,
  mostFileBytes: 128 * GiB,
  fileSystems: ["ext4", "ext3", "ext2", "xfs", "btrfs"],
  datasources: ["OpenStack", "ConfigDrive"],
  rules: {
    ...commonRules,
    format: { severity: "error", vendorCode: "IMG.0057" },
    "several-files": { severity: "error", vendorCode: "IMG.0057" },
    "zstd-clusters": { severity: "error", vendorCode: "IMG.0057" },
    "rounded-size": { severity: "error", vendorCode: "IMG.0055", because: "it takes disk sizes in whole GB" },
    "too-large": { severity: "error", vendorCode: "IMG.0055" },
    "file-too-large": { severity: "error", vendorCode: "IMG.0059" },
    "no-table": { severity: "warning" },
    disc: {
      severity: "error",
      vendorCode: "IMG.0057",
      because: "of a CD it makes another kind of image, from which no instance is started directly",
    },
    "uefi-only": {
      severity: "warning",
      vendorCode: "IMG.0141",
      because: "images boot by BIOS there unless the import says otherwise",
      fix: "import with hw_firmware_type uefi, as cloudimg does, or use disk.partitionTable universal",
    },
    "file-system": { severity: "warning" },
    lvm: { severity: "warning", because: "nothing can be injected into such a root" },
    "fstab-other-disks": { severity: "error", because: "its documents forbid it" },
    "no-initializer": { severity: "warning", because: "keys and passwords of the console never get in" },
    "other-datasources": { severity: "warning", because: "keys and passwords of the console never get in" },
    "static-network": { severity: "error", because: "addresses come by DHCP" },
    "persistent-network-names": { severity: "error", because: "the instance has another network card" },
    "no-serial-console": { severity: "warning", because: "its console log is the serial console" },
  },
};
