import { asArray, asInteger, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import { formatPrefix, networkOf, parsePrefix } from "../ip.ts";
import type { InterfaceState, NetworkState, RouteState, RuleState } from "../network-state.ts";
import { type Draft, readBondParameters, readBridgeParameters, resolveDrafts } from "./stacked.ts";
import {
  type Finding,
  markOnLink,
  plain,
  readAddress,
  readBoolean,
  readGateway,
  readMac,
  readMtu,
  readNameservers,
  readNumber,
  readObjects,
  readRoute,
  shown,
  unique,
} from "./subnet.ts";

const sections = { ethernets: "physical", bonds: "bond", bridges: "bridge", vlans: "vlan" } as const;

/** Version 2 of network-config, netplan's language (netplan.readthedocs.io, "YAML configuration"). What is wrong in it is left out and reported. */
export function readVersion2(document: JsonObject, problems: string[]): NetworkState {
  const drafts: Draft[] = [];
  for (const [section, value] of Object.entries(document)) {
    // Who renders the document does not matter: we do.
    if (/^(version|renderer)$/.test(section) || value === null) continue;
    const kind = Object.hasOwn(sections, section) ? sections[section as keyof typeof sections] : undefined;
    const items = asObject(value);
    if (kind === undefined) problems.push(`network-config: ${section} are not supported`);
    else if (items === undefined) problems.push(`network-config: ${section} are not a mapping`);
    else
      for (const [id, item] of Object.entries(items).slice(0, 256)) {
        const finding = { what: `network-config: ${id}`, problems };
        const object = item === null ? {} : asObject(item);
        if (object === undefined) problems.push(`${finding.what} is not a mapping`);
        else drafts.push(...readInterface(kind, id, object, finding));
      }
  }
  return { interfaces: resolveDrafts(drafts), nameservers: [], search: [] };
}

type Kind = (typeof sections)[keyof typeof sections];

function readInterface(kind: Kind, id: string, object: JsonObject, finding: Finding): Draft[] {
  const { what, problems } = finding;
  const unknown = Object.keys(object).filter((key) => !knownKeys.has(key));
  if (unknown.length > 0) problems.push(`${what} has unknown keys: ${unknown.join(", ")}`);
  const parameters = asObject(object["parameters"]) ?? {};
  const names = asTexts(object["interfaces"]);
  const common = readCommon(object, finding);
  if (kind === "physical") return [{ ...common, kind, ...readCard(id, object, finding) }];
  const mac = macOf(object["macaddress"], "macaddress", finding);
  const base = { ...common, name: id, mac };
  if (kind === "bond" && names.length === 0) problems.push(`${what} has no interfaces`);
  if (kind === "bond")
    return [{ ...base, kind, bondOf: names, bondParameters: readBondParameters(parameters, what, problems) }];
  if (kind === "bridge")
    return [{ ...base, kind, bridgeOf: names, bridgeParameters: readBridgeParameters(parameters, what, problems) }];
  const tag = asInteger(object["id"], 0, 4094);
  const link = asText(object["link"]);
  if (tag !== undefined && link !== undefined) return [{ ...base, kind, vlanOf: { id: tag, link } }];
  problems.push(`${what} lacks a good id or link`);
  return [];
}

const knownKeys: ReadonlySet<string> = new Set(
  (
    "match set-name macaddress interfaces parameters id link dhcp4 dhcp6 dhcp4-overrides dhcp6-overrides addresses gateway4 gateway6 nameservers routes routing-policy " +
    "mtu ipv6-mtu accept-ra link-local optional wakeonlan activation-mode " +
    // These say how other programs are to do it, or what is done anyway.
    "renderer critical dhcp-identifier optional-addresses ignore-carrier emit-lldp ipv6-address-generation ipv6-privacy"
  ).split(" "),
);

function macOf(value: unknown, key: string, { what, problems }: Finding): string | undefined {
  const mac = readMac(value);
  if (mac === undefined && value !== undefined && value !== null)
    problems.push(`${what} has a bad ${key}: ${shown(value)}`);
  return mac;
}

/** How a card is found and what it is called. A key without `match` is the card's name; with it, only what the document calls it. */
function readCard(id: string, object: JsonObject, finding: Finding): Partial<InterfaceState> {
  const match = asObject(object["match"]);
  const newName = asText(object["set-name"]);
  const setMac = macOf(object["macaddress"], "macaddress", finding);
  if (match === undefined && newName === undefined) return { name: id, setMac };
  const names = asTexts(match?.["name"]);
  const drivers = asTexts(match?.["driver"]);
  const mac = macOf(match?.["macaddress"], "match.macaddress", finding);
  const isByKey = match === undefined;
  // An empty `match` means all cards.
  const isAny = match !== undefined && Object.keys(match).length === 0;
  const globs = isByKey ? [id] : isAny ? ["*"] : names;
  return {
    ...(newName === id ? {} : { id }),
    name: newName,
    mac,
    setMac,
    ...(globs.length + drivers.length === 0
      ? {}
      : {
          match: {
            ...(globs.length === 0 ? {} : { names: globs }),
            ...(drivers.length === 0 ? {} : { drivers }),
          },
        }),
  };
}

function readCommon(object: JsonObject, finding: Finding): Omit<InterfaceState, "kind"> {
  const addresses = unique(readList(object["addresses"], finding).flatMap((item) => readListed(item, finding)));
  const gateways = ["gateway4", "gateway6"].flatMap((key) => readGateway(object[key], undefined, finding));
  const routes = readObjects(object["routes"], "routes", finding).flatMap((item) => readNetplanRoute(item, finding));
  const rules = readObjects(object["routing-policy"], "routing-policy", finding).flatMap((item) =>
    readRule(item, finding),
  );
  // A plain list is no netplan, but can only mean addresses.
  const resolvers = asObject(object["nameservers"]) ?? { addresses: object["nameservers"] };
  const linkLocal = object["link-local"];
  return {
    mtu: readMtu(object["mtu"], finding),
    subnetMtu6: readMtu(object["ipv6-mtu"], finding),
    dhcp4: readBoolean(object["dhcp4"]) ?? false,
    dhcp6: readBoolean(object["dhcp6"]) ? "stateful" : undefined,
    slaac: false,
    acceptRa: readBoolean(object["accept-ra"]),
    linkLocal: Array.isArray(linkLocal)
      ? ([4, 6] as const).filter((family) => linkLocal.includes(`ipv${family}`))
      : undefined,
    dhcp4Overrides: readOverrides(object["dhcp4-overrides"]),
    dhcp6Overrides: readOverrides(object["dhcp6-overrides"]),
    addresses,
    routes: markOnLink([...gateways, ...routes], addresses),
    ...(rules.length === 0 ? {} : { rules }),
    nameservers: unique(readNameservers(resolvers["addresses"], finding)),
    search: unique(asTexts(resolvers["search"])),
    isOptional: readBoolean(object["optional"]),
    isManual: /^(manual|off)$/.test(plain(object["activation-mode"])) ? true : undefined,
    wakeOnLan: readBoolean(object["wakeonlan"]),
  };
}

/** Switches, numbers and words; null means that nothing is said. */
function readOverrides(value: unknown): JsonObject | undefined {
  const object = asObject(value);
  return object && Object.fromEntries(Object.entries(object).filter(([, item]) => typeof item !== "object"));
}

function readList(value: unknown, { what, problems }: Finding): readonly unknown[] {
  if (typeof value === "string") return asTexts(value);
  if (value !== undefined && value !== null && !Array.isArray(value)) problems.push(`${what}: addresses is not a list`);
  return asArray(value).slice(0, 1000);
}

/** An address, or a mapping of one to its label and lifetime. */
function readListed(item: unknown, finding: Finding): string[] {
  const texts = asObject(item) === undefined ? [item] : Object.keys(item as object);
  return texts.flatMap((text) => readAddress(text, undefined, finding) ?? []);
}

const routeTypes = /^(unicast|anycast|blackhole|broadcast|local|multicast|nat|prohibit|throw|unreachable|xresolve)$/;

function readNetplanRoute(object: JsonObject, finding: Finding): RouteState[] {
  const route = readRoute(object, finding);
  if (route === undefined) return [];
  const type = asText(object["type"]);
  const scope = asText(object["scope"]);
  const from = asText(object["from"]);
  const source = from === undefined ? undefined : parsePrefix(from);
  const isBad = (type !== undefined && !routeTypes.test(type)) || (from !== undefined && source === undefined);
  if (isBad) {
    finding.problems.push(`${finding.what} has a bad route: ${shown(object)}`);
    return [];
  }
  return [
    {
      ...route,
      ...(readBoolean(object["on-link"]) ? { onLink: true } : {}),
      ...given("table", readNumber(object["table"], "table", 2 ** 32 - 1, finding)),
      ...given("mtu", readMtu(object["mtu"], finding)),
      ...given("type", type),
      ...given("scope", scope !== undefined && /^(global|link|host)$/.test(scope) ? scope : undefined),
      ...given("from", source && formatPrefix(source).replace(/\/\d+$/, "")),
    },
  ];
}

function readRule(object: JsonObject, finding: Finding): RuleState[] {
  const prefix = (key: string) => {
    const text = asText(object[key]);
    const read = text === undefined ? undefined : parsePrefix(text === "default" ? "0.0.0.0/0" : text);
    if (text !== undefined && read === undefined)
      finding.problems.push(`${finding.what} has a rule with a bad ${key}: ${text}`);
    return read && formatPrefix(networkOf(read));
  };
  const rule = {
    ...given("from", prefix("from")),
    ...given("to", prefix("to")),
    ...given("table", readNumber(object["table"], "table", 2 ** 32 - 1, finding)),
    ...given("priority", readNumber(object["priority"], "priority", 2 ** 32 - 1, finding)),
    ...given("mark", readNumber(object["mark"], "mark", 2 ** 32 - 1, finding)),
    ...given("tos", readNumber(object["type-of-service"], "type-of-service", 255, finding)),
  };
  return rule.from === undefined && rule.to === undefined ? [] : [rule];
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [name in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [name in Key]: Value });
}
