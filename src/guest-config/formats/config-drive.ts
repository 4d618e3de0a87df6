import type { Tree } from "../../core/tree.ts";
import type { InstanceConfig } from "../model.ts";
import { type FileContent, treeOf } from "./files.ts";
import { openstackFiles } from "./openstack-files.ts";

/** The label of the file system, by which guests find the drive. cloud-init knows it in lower and in upper case only. */
export const configDriveLabel = "config-2";

/**
 * cirros, afterburn, ignition and coreos-cloudinit read `latest` alone; cloud-init prefers the newest dated version it knows, and this
 * is the newest of those.
 */
export const openstackVersions = ["2018-08-27", "latest"] as const;

/** What an OpenStack config drive holds for this instance. */
export function configDriveTree(config: InstanceConfig, epochSeconds: number): Tree {
  return treeOf(configDriveFiles(config), epochSeconds);
}

export function configDriveFiles(config: InstanceConfig): Record<string, FileContent> {
  const files = Object.entries(openstackFiles(config));
  return Object.fromEntries(
    openstackVersions.flatMap((version) => files.map(([name, text]) => [`/openstack/${version}/${name}`, text])),
  );
}
