import type { Host } from "./host.ts";
import type { Instance } from "./instance.ts";
import { asText, type JsonObject } from "./json-values.ts";

export const instanceDataPath = "/run/cloud-init/instance-data.json";

/**
 * What `cloud-init query` and programs that use its file look up: names as in cloud-init's documentation, "Instance metadata". Without secrets, hence readable by
 * everybody.
 */
export function writeInstanceData(host: Host, instance: Instance): void {
  const { instanceId, source, hostname, publicKeys, metadata } = instance;
  const region = asText(metadata["region-id"]) ?? asText(metadata["region_id"]) ?? asText(metadata["region"]) ?? null;
  const zone = asText(metadata["zone-id"]) ?? asText(metadata["availability_zone"]) ?? asText(metadata["zone"]) ?? null;
  const cloud = source.toLowerCase();
  const v1 = {
    availability_zone: zone,
    cloud_id: cloud,
    cloud_name: cloud,
    instance_id: instanceId,
    kernel_release: host.readText("/proc/sys/kernel/osrelease")?.trim() ?? null,
    local_hostname: hostname ?? null,
    platform: cloud,
    public_ssh_keys: publicKeys,
    region,
    subplatform: null,
  };
  const dashed = Object.fromEntries(Object.entries(v1).map(([key, value]) => [key.replaceAll("_", "-"), value]));
  const document: JsonObject = { ...v1, ds: { meta_data: metadata }, v1: { ...v1, ...dashed } };
  host.makeDirectory("/run/cloud-init", 0o755);
  host.writeFile(instanceDataPath, `${JSON.stringify(document, undefined, 1)}\n`, 0o644);
  host.writeFile("/run/cloud-init/cloud-id", `${cloud}\n`, 0o644);
}
