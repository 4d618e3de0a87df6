import { defaultUserKey, otherKeysKey } from "../formats/meta-data.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, type JsonObject } from "../initializer/json-values.ts";
import { loadPart } from "../initializer/parts.ts";
import type { ParsedNetwork } from "../network-state.ts";
import type { Found } from "./datasource.ts";
import { parseDocument, scalarText } from "./documents.ts";
import { firstLine } from "./first-line.ts";
import { otherKeys, publicKeys } from "./openstack-metadata.ts";
import { publicMetadata } from "./public-metadata.ts";

/** What one place says to NoCloud. */
export interface NocloudSeed {
  /** For people: a device, a directory, an URL. */
  readonly place: string;
  readonly metadata?: JsonObject | undefined;
  readonly userData?: Uint8Array | undefined;
  readonly vendorData?: Uint8Array | undefined;
  /** Text of the file network-config. */
  readonly networkConfig?: Uint8Array | undefined;
  readonly problems: readonly string[];
  /** A file that must be there is missing, or cannot be read. */
  readonly isBroken?: boolean | undefined;
  /** The kernel's command line or the machine's serial number. */
  readonly isLine?: boolean | undefined;
  /** It was `seedfrom` that named it: its documents win, its metadata do not. */
  readonly isNamed?: boolean | undefined;
}

/** Files of a seed, by name: undefined if it is not there, `unreadable` if it is too large or damaged. */
export type SeedReader = (name: string) => Uint8Array | "unreadable" | undefined;

/** Reads the four files, wherever they are. meta-data and user-data have to be there, if only empty. */
export function readSeed(host: Host, place: string, read: SeedReader): NocloudSeed {
  const problems: string[] = [];
  let isBroken = false;
  const file = (name: string, isNeeded: boolean) => {
    const content = read(name);
    if (content === "unreadable") problems.push(`${name} cannot be read`);
    else if (content === undefined && isNeeded) problems.push(`${name} is missing`);
    isBroken ||= isNeeded && typeof content !== "object";
    return typeof content === "object" ? content : undefined;
  };
  const metaData = file("meta-data", true);
  const userData = file("user-data", true);
  const parsed = metaData && parseDocument(host, metaData, "meta-data", problems);
  const metadata = parsed && asObject(parsed.value ?? {});
  if (parsed !== undefined && metadata === undefined) problems.push("meta-data is not a mapping");
  return {
    place,
    metadata,
    userData,
    vendorData: file("vendor-data", false),
    networkConfig: file("network-config", false),
    problems,
    isBroken: isBroken || (metaData !== undefined && metadata === undefined),
  };
}

/**
 * What all seeds say together. Of metadata the earlier ones go before the later; of documents the place that `seedfrom` names, then the first that has one.
 *
 * @returns undefined if they say that NoCloud is not to be used
 */
export function nocloudFound(host: Host, seeds: readonly NocloudSeed[]): Found | undefined {
  const metadata = seeds.reduce<JsonObject>((merged, seed) => mergeMissing(merged, seed.metadata ?? {}), {});
  if (metadata["dsmode"] === "disabled") return undefined;
  const problems = seeds.flatMap((seed) =>
    seed.problems.map((text) => (seeds.length > 1 ? `${seed.place}: ${text}` : text)),
  );
  const ordered = [...seeds.filter(({ isNamed }) => isNamed), ...seeds.filter(({ isNamed }) => !isNamed)];
  const first = (key: "userData" | "vendorData" | "networkConfig") =>
    ordered.map((seed) => seed[key]).find((content) => content !== undefined && content.length > 0);
  const network = readNetwork(host, first("networkConfig"), metadata["network-interfaces"], problems);
  const vendorData = first("vendorData");
  // Broken is a machine whose only seed is; a line that says no more than that there is one does not help it.
  const isBroken = seeds.some((seed) => seed.isBroken) && seeds.every((seed) => seed.isBroken || seed.isLine);
  const user = scalarText(metadata[defaultUserKey]);
  return {
    place: seeds.map(({ place }) => place).join(", "),
    instanceId: scalarText(metadata["instance-id"]) ?? (isBroken ? undefined : "nocloud"),
    hostname: scalarText(metadata["local-hostname"]) ?? scalarText(metadata["hostname"]),
    publicKeys: publicKeys(metadata["public-keys"]),
    defaultUser: user,
    authorizedKeys: otherKeys(metadata[otherKeysKey], problems),
    network: network?.network,
    isNetworkDisabled: network?.isDisabled,
    userData: first("userData"),
    vendorData: vendorData && [vendorData],
    metadata: publicMetadata({ dsmode: "net", "instance-id": "nocloud", ...metadata }),
    problems: [...problems, ...(network?.problems ?? [])],
    isBroken: isBroken ? true : undefined,
  };
}

function readNetwork(
  host: Host,
  config: Uint8Array | undefined,
  interfaces: unknown,
  problems: string[],
): ParsedNetwork | undefined {
  try {
    if (config !== undefined) {
      const document = parseDocument(host, config, "network-config", problems);
      const isEmpty = document?.value === undefined || document.value === null;
      return isEmpty ? undefined : loadPart(host, "documents").parseNetworkConfig(document.value);
    }
    if (typeof interfaces === "string") return loadPart(host, "documents").parseInterfaces(interfaces);
  } catch (error) {
    problems.push(
      `${config === undefined ? "network-interfaces" : "network-config"}: ${firstLine((error as Error).message)}`,
    );
  }
  return undefined;
}

/** What the second says where the first is silent, in nested mappings too. */
function mergeMissing(first: JsonObject, second: JsonObject, depth = 0): JsonObject {
  const merged: Record<string, unknown> = { ...second, ...first };
  for (const key of depth < 8 ? Object.keys(first) : []) {
    const [mine, other] = [asObject(first[key]), asObject(second[key])];
    if (mine !== undefined && other !== undefined) merged[key] = mergeMissing(mine, other, depth + 1);
  }
  return merged;
}
