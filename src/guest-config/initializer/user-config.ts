import type { MachineSigns } from "../sources/signs.ts";
import type { Host } from "./host.ts";
import { type Instance, instanceDirectory } from "./instance.ts";
import type { LastInstance } from "./last-instance.ts";
import type { SourceResult } from "./source-result.ts";

/** cloud-init reads no more than this either. */
const largestUserDataBytes = 16 << 20;

/** What the source and the last boot say of this instance, for the modules. */
export function instanceOf(
  host: Host,
  { datasource, found }: SourceResult,
  told: LastInstance,
  last: LastInstance | undefined,
): Instance {
  const instanceId = told.instanceId || "none";
  // The source may be gone: what it said once still holds.
  const kept = found.instanceId === undefined && last !== undefined;
  const read = (name: string) =>
    host.readBytes(`${instanceDirectory(instanceId)}/${name}`, 0, largestUserDataBytes) ?? undefined;
  return {
    instanceId,
    isNew: told.instanceId !== last?.instanceId,
    source: datasource,
    hostname: told.hostname,
    publicKeys: found.publicKeys ?? [],
    authorizedKeys: found.authorizedKeys,
    defaultUser: found.defaultUser,
    userData: found.userData ?? (kept ? read("user-data.txt") : undefined),
    vendorData: found.vendorData ?? (kept ? keptVendorData(read) : []),
    metadata: found.metadata ?? {},
  };
}

/** `vendor-data.txt`, `vendor-data2.txt`, …, as `configure` writes them. */
function keptVendorData(read: (name: string) => Uint8Array | undefined): Uint8Array[] {
  const kept: Uint8Array[] = [];
  for (;;) {
    const data = read(`vendor-data${kept.length === 0 ? "" : kept.length + 1}.txt`);
    if (data === undefined) return kept;
    kept.push(data);
  }
}

/** Scripts that an image brings, or that user data has left on this disk. */
const scriptDirectories = ["per-boot", "per-instance", "per-once"].map((name) => `/var/lib/cloud/scripts/${name}`);

/** Whether somebody besides the source's metadata has something to say: then the modules of cloud-config run. */
export function hasUserConfig(host: Host, { commandLine }: MachineSigns, instance: Instance): boolean {
  return (
    (instance.userData?.length ?? 0) > 0 ||
    instance.vendorData.length > 0 ||
    /(?:^|\s)(?:cc:|cloud-config-url=|url=)/.test(commandLine) ||
    host.attributes("/etc/cloud/cloud.cfg") !== undefined ||
    host.list("/etc/cloud/cloud.cfg.d").some((name) => name.endsWith(".cfg")) ||
    scriptDirectories.some((path) => host.list(path).length > 0)
  );
}
