import { loadPart } from "../initializer/parts.ts";
import type { Module } from "./module.ts";

/** Tables and file systems on further disks, in this order. */
export const diskSetup: Module = {
  name: "disk_setup",
  keys: ["disk_setup", "fs_setup", "device_aliases"],
  stage: "early",
  frequency: "instance",
  run: (config, task) => loadPart(task.host, "disk").setUpDisks(config, task),
};
