import { planIso9660 } from "../build/filesystems/iso9660.ts";
import type { ByteSource } from "../core/byte-source.ts";
import { configDriveTree } from "../guest-config/formats/config-drive.ts";
import type { InstanceConfig } from "../guest-config/model.ts";

/** An instance's configuration as a config drive: the tree that guest-config makes, in the file system that build writes. */
export function configDriveSource(config: InstanceConfig): ByteSource {
  const epochSeconds = Math.floor(Date.now() / 1000);
  return planIso9660({ tree: configDriveTree(config, epochSeconds), label: "config-2", epochSeconds });
}
