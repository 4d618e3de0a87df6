import { textSource } from "../../core/byte-source.ts";
import { Tree } from "../../core/tree.ts";
import type { InstanceConfig } from "../model.ts";
import { metaData } from "./meta-data.ts";
import { networkData } from "./network-data.ts";

/** The label of the file system, by which guests find the drive. cloud-init knows it in lower and in upper case only. */
export const configDriveLabel = "config-2";

/**
 * cirros, afterburn, ignition and coreos-cloudinit read `latest` alone; cloud-init prefers the newest dated version it knows, and this
 * is the newest of those.
 */
const versions = ["2018-08-27", "latest"] as const;

/**
 * What an OpenStack config drive holds for this instance. An instance without interfaces has no network_data.json: readers then
 * choose by themselves, whereas an empty one makes cloud-init configure none at all.
 */
export function configDriveTree(config: InstanceConfig, epochSeconds: number): Tree {
  const tree = new Tree({ mtime: epochSeconds });
  for (const version of versions) {
    const put = (name: string, text: string) =>
      tree.set(`/openstack/${version}/${name}`, {
        type: "file",
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: epochSeconds,
        origin: "config drive",
        content: textSource(text),
      });
    put("meta_data.json", json(metaData(config)));
    if (config.network.interfaces.length > 0) put("network_data.json", json(networkData(config.network)));
    if (config.userData !== undefined) put("user_data", config.userData);
  }
  return tree;
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
