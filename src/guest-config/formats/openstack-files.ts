import type { InstanceConfig } from "../model.ts";
import { type FileContent, json } from "./files.ts";
import { metaData } from "./meta-data.ts";
import { networkData } from "./network-data.ts";

/**
 * What OpenStack tells an instance, by file name: on a config drive and over HTTP alike. An instance without interfaces has no network_data.json: readers then
 * choose by themselves, whereas an empty one makes cloud-init configure none at all.
 */
export function openstackFiles(config: InstanceConfig): Record<string, FileContent> {
  return {
    "meta_data.json": json(metaData(config)),
    ...(config.network.interfaces.length === 0 ? {} : { "network_data.json": json(networkData(config.network)) }),
    ...(config.userData === undefined ? {} : { user_data: config.userData }),
    // Only the member `cloud-init` of an object counts, and only text or a list of texts in it.
    ...(config.vendorData === undefined ? {} : { "vendor_data.json": json({ "cloud-init": config.vendorData }) }),
  };
}
