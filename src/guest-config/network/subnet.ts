import { asArray, asInteger, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import {
  contains,
  formatIp,
  formatPrefix,
  type IpPrefix,
  networkOf,
  parseIp,
  parsePrefix,
  parsePrefixLength,
} from "../ip.ts";
import type { InterfaceState, RouteState } from "../network-state.ts";

/**
 * What all dialects of network documents have in common: addresses, masks, routes, name servers. What is wrong is put into `problems`, with `what` it was found in, and left out.
 */
export interface Finding {
  readonly what: string;
  readonly problems: string[];
}

/** A plain value as text; of anything else nothing, since an object of others may not even have a text. */
export function plain(value: unknown): string {
  return typeof value === "object" ? "" : String(value);
}

/** For people, and bounded: YAML's aliases can make a short document endless. */
export function shown(value: unknown): string {
  const text = Array.isArray(value)
    ? `a list of ${value.length}`
    : typeof value === "object" && value !== null
      ? Object.entries(value)
          .slice(0, 8)
          .map(([key, item]) => `${key} ${plain(item)}`.trim())
          .join(", ")
      : plain(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** A list of mappings; what is none in it is reported. Aliases can make much of little, so it has a limit. */
export function readObjects(value: unknown, key: string, { what, problems }: Finding): JsonObject[] {
  if (value === undefined || value === null) return [];
  const list = asArray(value);
  if (!Array.isArray(value)) problems.push(`${what}: ${key} is not a list`);
  if (list.length > 1000) problems.push(`${what}: ${key} has more than 1000 items`);
  return list.slice(0, 1000).flatMap((item, index) => {
    const object = asObject(item);
    if (object === undefined) problems.push(`${what}: ${key}[${index}] is not a mapping`);
    return object === undefined ? [] : [object];
  });
}

/** An address with its mask, wherever that stands, as canonical text; without one it is a /24 or /64, as cloud-init takes it. */
export function readAddress(address: unknown, mask: unknown, { what, problems }: Finding): string | undefined {
  const prefix = prefixOf(asText(address), mask);
  if (prefix !== undefined) return formatPrefix(prefix);
  const given = asText(address) === undefined ? "no address" : `a bad address: ${shown(address)}`;
  problems.push(`${what} has ${given}${hasMask(mask) ? ` with netmask ${shown(mask)}` : ""}`);
  return undefined;
}

function prefixOf(text: string | undefined, mask: unknown): IpPrefix | undefined {
  if (text === undefined) return undefined;
  if (text.includes("/")) return parsePrefix(text);
  const family = text.includes(":") ? 6 : 4;
  const length = hasMask(mask) ? parsePrefixLength(plain(mask), family) : family === 4 ? 24 : 64;
  return length === undefined ? undefined : parsePrefix(text, length);
}

function hasMask(mask: unknown): boolean {
  return mask !== undefined && mask !== null && mask !== "";
}

/** Text, since these documents are about words: `1` and `true` have no place where a name stands. */
export function first(object: JsonObject, ...keys: readonly string[]): unknown {
  const key = keys.find((name) => object[name] !== undefined && object[name] !== null && object[name] !== "");
  return key === undefined ? undefined : object[key];
}

/** One route in any dialect: `network` or `destination` or `to`, with `netmask`; `gateway` or `via`. */
export function readRoute(route: JsonObject, finding: Finding): RouteState | undefined {
  const { what, problems } = finding;
  const gatewayText = asText(first(route, "gateway", "via"));
  const via = gatewayText === undefined ? undefined : parseIp(gatewayText);
  const to = destination(asText(first(route, "network", "destination", "to")), first(route, "netmask"), via?.family);
  const isBad = to === undefined || (gatewayText !== undefined && via?.family !== to.address.family);
  if (isBad) {
    problems.push(`${what} has a bad route: ${shown(route)}`);
    return undefined;
  }
  const metric = readNumber(route["metric"], "metric", 2 ** 32 - 1, finding);
  // The gateway 0.0.0.0 means: on the wire.
  const isWire = via === undefined || via.bytes.every((byte) => byte === 0);
  return { to: formatPrefix(networkOf(to)), via: isWire ? undefined : formatIp(via), metric };
}

function destination(text: string | undefined, mask: unknown, family: 4 | 6 | undefined): IpPrefix | undefined {
  if (text === "default") return parsePrefix(family === 6 ? "::/0" : "0.0.0.0/0");
  if (text === "0/0" || text === "0") return parsePrefix("0.0.0.0/0");
  const isEverything = !hasMask(mask) && text !== undefined && parseIp(text)?.bytes.every((byte) => byte === 0);
  return prefixOf(text, isEverything ? 0 : mask);
}

/** A default route; 0.0.0.0 means that there is none. */
export function readGateway(value: unknown, metric: number | undefined, finding: Finding): RouteState[] {
  const text = asText(value);
  if (text === undefined) return [];
  const via = parseIp(text);
  if (via === undefined) finding.problems.push(`${finding.what} has a bad gateway: ${text}`);
  return via === undefined || via.bytes.every((byte) => byte === 0)
    ? []
    : [{ to: via.family === 4 ? "0.0.0.0/0" : "::/0", via: formatIp(via), metric, isGateway: true }];
}

/** From 0 on; undefined if it is not given. */
export function readNumber(value: unknown, key: string, most: number, finding: Finding): number | undefined {
  if (value === undefined || value === null) return undefined;
  const number = asInteger(value, 0, most);
  if (number === undefined) finding.problems.push(`${finding.what} has a bad ${key}: ${shown(value)}`);
  return number;
}

/** In bytes. 0 is as good as none. */
export function readMtu(value: unknown, { what, problems }: Finding): number | undefined {
  if (value === undefined || value === null || plain(value) === "0") return undefined;
  const mtu = asInteger(value, 68, 65535);
  if (mtu === undefined) problems.push(`${what} has an impossible mtu: ${shown(value)}`);
  return mtu;
}

/** Of 6 bytes, or of 20 as InfiniBand has them; lower case, with colons. Undefined if it is none. */
export function readMac(value: unknown): string | undefined {
  const mac = asText(value)?.toLowerCase().replaceAll("-", ":");
  return mac !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}((:[0-9a-f]{2}){14})?$/.test(mac) ? mac : undefined;
}

/** Canonical addresses of name servers, from a list or text. A length after one, as some documents have it, says nothing. */
export function readNameservers(value: unknown, { what, problems }: Finding): string[] {
  return asTexts(value).flatMap((text) => {
    const address = parsePrefix(text)?.address;
    if (address === undefined) problems.push(`${what} has a bad address of a name server: ${text}`);
    return address === undefined ? [] : [formatIp(address)];
  });
}

/** A gateway outside all subnets of its interface can only be reached directly on the wire. */
export function markOnLink(routes: readonly RouteState[], addresses: readonly string[]): RouteState[] {
  const subnets = addresses.map((address) => parsePrefix(address)).filter((subnet) => subnet !== undefined);
  return routes.map((route) => {
    const via = route.via === undefined ? undefined : parseIp(route.via);
    const candidates = subnets.filter(({ address }) => address.family === via?.family);
    const isOutside = via !== undefined && candidates.length > 0 && !candidates.some((subnet) => contains(subnet, via));
    return isOutside ? { ...route, onLink: true } : route;
  });
}

/** An interface that is up and has nothing. */
export const bareInterface = {
  dhcp4: false,
  slaac: false,
  addresses: [],
  routes: [],
  nameservers: [],
  search: [],
} as const satisfies Partial<InterfaceState>;

export function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}

/** YAML 1.1 writes a switch as boolean, JSON or quotes make it text, some write 1 and 0. Undefined if it is none. */
export function readBoolean(value: unknown): boolean | undefined {
  const word = plain(value).toLowerCase();
  if (/^(true|yes|on|y|1)$/.test(word)) return true;
  return /^(false|no|off|n|0)$/.test(word) ? false : undefined;
}
