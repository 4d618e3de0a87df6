import type { NetworkState } from "../network-state.ts";
import type { Host } from "./host.ts";
import { asObject } from "./json-values.ts";

/** What the instance was last told. Kept because drives get detached: the next boot must not lose the network. */
export interface LastInstance {
  /** Empty if nobody has ever said it. */
  readonly instanceId: string;
  /** As cloud-init names it. */
  readonly datasource?: string | undefined;
  readonly hostname?: string | undefined;
  readonly network?: NetworkState | undefined;
  readonly isNetworkDisabled?: boolean | undefined;
}

const path = "/var/lib/cloudimg/instance.json";

export function readLastInstance(host: Host): LastInstance | undefined {
  try {
    const value = asObject(JSON.parse(host.readText(path) ?? "null"));
    return typeof value?.["instanceId"] === "string" ? (value as unknown as LastInstance) : undefined;
  } catch {
    return undefined;
  }
}

/** Throws an Error if it cannot be written. */
export function keepInstance(host: Host, instance: LastInstance): void {
  const text = `${JSON.stringify(instance, undefined, 2)}\n`;
  if (host.readText(path) === text) return;
  host.makeDirectory("/var/lib/cloudimg", 0o755);
  host.writeFile(path, text, 0o600);
}
