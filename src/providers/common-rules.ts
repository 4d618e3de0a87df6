import type { ImageRules } from "./image-rules.ts";

/** What every cloud, and every emulator, minds. */
export const commonRules: ImageRules["rules"] = {
  damaged: { severity: "error" },
  "several-files": { severity: "error", because: "one object is imported" },
  "backing-file": { severity: "error", because: "one object is imported" },
  "no-boot-code": { severity: "error" },
  "no-root": { severity: "error" },
  "root-unreadable": { severity: "note" },
  encrypted: { severity: "error", because: "nobody is there to type the passphrase" },
  "not-clean": { severity: "warning" },
  "fstab-device-names": { severity: "warning", because: "disks have other names there" },
  "fstab-other-disks": { severity: "warning", because: "the instance has one disk" },
  "root-device-name": { severity: "warning", because: "disks have other names there" },
  "no-virtio": { severity: "error" },
  "root-not-last": { severity: "note" },
  "no-ssh": { severity: "warning" },
  secrets: { severity: "warning" },
  "no-serial-console": { severity: "note" },
};
