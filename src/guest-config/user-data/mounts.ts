import { loadPart } from "../initializer/parts.ts";
import type { Module } from "./module.ts";

/** Lines of /etc/fstab, and a file to swap to. Once they are in fstab, each boot mounts them. */
export const mounts: Module = {
  name: "mounts",
  keys: ["mounts", "mount_default_fields", "swap"],
  stage: "early",
  frequency: "instance",
  run: (config, task) => loadPart(task.host, "disk").applyMounts(config, task),
};
