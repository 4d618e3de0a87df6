export { growDisk } from "../disk/grow.ts";
export { applyMounts } from "../disk/mounts.ts";
export { setUpDisks } from "../disk/set-up-disks.ts";
