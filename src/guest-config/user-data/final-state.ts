import { decodeBase64, encodeBase64 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import type { Instance } from "../initializer/instance.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";

/** What the final stage, another run of the initializer, has to know. */
export interface FinalState {
  readonly config: JsonObject;
  readonly instance: Instance;
  /** Of the instance's files. */
  readonly directory: string;
}

/** In /run: it belongs to this boot, and can be written when no disk can. It holds secrets. */
const path = "/run/cloudimg/user-data.json";

export function keepFinalState(host: Host, { config, instance, directory }: FinalState): void {
  host.makeDirectory("/run/cloudimg", 0o755);
  const { instanceId, isNew, source, hostname, publicKeys, authorizedKeys, defaultUser, metadata } = instance;
  const plain = {
    instanceId,
    isNew,
    source,
    hostname,
    publicKeys,
    authorizedKeys,
    defaultUser,
    metadata,
    vendorData: [],
  };
  host.writeFile(path, JSON.stringify({ config, directory, instance: plain }, withBase64), 0o600);
}

/** Takes it away: it is wanted once. */
export function takeFinalState(host: Host): FinalState | undefined {
  const text = host.readText(path);
  if (text === undefined) return undefined;
  host.remove(path);
  return JSON.parse(text, fromBase64) as FinalState;
}

/** YAML's `!!binary`, which JSON has not. */
const binaryKey = "!!binary";

function withBase64(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { [binaryKey]: encodeBase64(value) } : value;
}

function fromBase64(_: string, value: unknown): unknown {
  const text = asObject(value)?.[binaryKey];
  return typeof text === "string" ? decodeBase64(text) : value;
}
