import type { Tree } from "../../core/tree.ts";
import type { InstanceConfig } from "../model.ts";
import { type FileContent, json, treeOf } from "./files.ts";
import { debianInterfaces } from "./interfaces.ts";
import { defaultUserKey, otherKeysKey, splitKeys } from "./meta-data.ts";
import { networkConfig } from "./network-config.ts";

/** The label of a NoCloud drive. cloud-init knows it in lower and in upper case; FAT has upper case only. */
export const nocloudLabel = "CIDATA";

/**
 * What a NoCloud seed holds, by file name. All is JSON text: JSON is YAML, so that readers with a YAML parser take it as well as those without (cirros). cloud-init demands
 * meta-data and user-data to be there, however empty.
 */
export function nocloudFiles(config: InstanceConfig): Record<string, FileContent> {
  const hasNetwork = config.network.interfaces.length > 0;
  const { keys, others } = splitKeys(config);
  return {
    "meta-data": json({
      "instance-id": config.instanceId,
      "local-hostname": config.hostname,
      "public-keys": keys,
      ...(config.defaultUser === undefined ? {} : { [defaultUserKey]: config.defaultUser }),
      ...(Object.keys(others).length === 0 ? {} : { [otherKeysKey]: others }),
      // tiny-cloud knows no other network. cloud-init looks at it only where there is no network-config.
      ...(hasNetwork ? { "network-interfaces": debianInterfaces(config.network) } : {}),
    }),
    "user-data": config.userData ?? "",
    ...(config.vendorData === undefined ? {} : { "vendor-data": config.vendorData }),
    ...(hasNetwork ? { "network-config": json(networkConfig(config.network)) } : {}),
  };
}

export function nocloudTree(config: InstanceConfig, epochSeconds: number): Tree {
  const files = Object.entries(nocloudFiles(config)).map(([name, text]) => [`/${name}`, text]);
  return treeOf(Object.fromEntries(files), epochSeconds);
}
