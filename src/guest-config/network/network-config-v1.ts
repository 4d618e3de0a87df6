import { asInteger, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState, NetworkState, RouteState } from "../network-state.ts";
import { type Draft, readBondParameters, readBridgeParameters, resolveDrafts } from "./stacked.ts";
import {
  type Finding,
  first,
  readBoolean,
  readMac,
  readMtu,
  readNameservers,
  readObjects,
  readRoute,
  shown,
  unique,
} from "./subnet.ts";
import { combineSubnets, readSubnet } from "./subnets.ts";

/** Version 1 of network-config (docs.cloud-init.io, "Networking config Version 1"). What is wrong in it is left out and reported. */
export function readVersion1(document: JsonObject, problems: string[]): NetworkState {
  const drafts: Draft[] = [];
  const routes: RouteState[] = [];
  const resolvers: { interface?: string | undefined; nameservers: string[]; search: string[] }[] = [];
  for (const entry of readObjects(document["config"], "config", { what: "network-config", problems })) {
    const type = asText(entry["type"]);
    const name = asText(entry["name"]);
    const finding = { what: `network-config: ${name ?? `a ${shown(entry["type"])}`}`, problems };
    if (type === undefined) problems.push(`${finding.what} has no type`);
    else if (type === "nameserver")
      resolvers.push({
        interface: asText(entry["interface"]),
        nameservers: readNameservers(entry["address"], finding),
        search: asTexts(entry["search"]),
      });
    else if (type === "route") routes.push(...[readRoute(entry, finding)].filter((route) => route !== undefined));
    else drafts.push(...readEntry(type, name, entry, finding));
  }
  const interfaces = resolveDrafts(drafts).map((state): InterfaceState => {
    const own = resolvers.filter((resolver) => resolver.interface !== undefined && resolver.interface === state.name);
    return {
      ...state,
      nameservers: unique([...state.nameservers, ...own.flatMap(({ nameservers }) => nameservers)]),
      search: unique([...state.search, ...own.flatMap(({ search }) => search)]),
    };
  });
  const global = resolvers.filter(({ interface: name }) => {
    if (name === undefined) return true;
    const isKnown = interfaces.some((state) => state.name === name);
    if (!isKnown) problems.push(`network-config: name servers of ${name}, which is not declared, are everybody's`);
    return !isKnown;
  });
  return {
    interfaces,
    ...(routes.length === 0 ? {} : { routes }),
    nameservers: unique(global.flatMap(({ nameservers }) => nameservers)),
    search: unique(global.flatMap(({ search }) => search)),
  };
}

const kinds = ["physical", "infiniband", "loopback", "bond", "bridge", "vlan"] as const;

/** One, or none if it lacks what it cannot be without. */
function readEntry(type: string, givenName: string | undefined, entry: JsonObject, finding: Finding): Draft[] {
  const { what, problems } = finding;
  const kind = kinds.find((known) => known === type);
  const name = givenName ?? (type === "loopback" ? "lo" : undefined);
  if (kind === undefined) problems.push(`${what} is of an unknown type: ${type}`);
  else if (name === undefined) problems.push(`${what} has no name`);
  if (kind === undefined || name === undefined) return [];

  const mac = readMac(entry["mac_address"]);
  const macText = asText(entry["mac_address"]);
  if (mac === undefined && macText !== undefined) problems.push(`${what} has a bad mac_address: ${macText}`);
  const common = {
    kind,
    name,
    mac,
    mtu: readMtu(entry["mtu"], finding),
    acceptRa: readBoolean(first(entry, "accept-ra", "accept_ra")),
    isOptional: readBoolean(entry["optional"]),
    wakeOnLan: readBoolean(entry["wakeonlan"]),
    ...combineSubnets(readObjects(entry["subnets"], "subnets", finding).map((subnet) => readSubnet(subnet, finding))),
  };
  // Some write the parameters beside the other keys.
  const parameters = (prefix: RegExp) => ({
    ...Object.fromEntries(Object.entries(entry).filter(([key]) => prefix.test(key))),
    ...asObject(entry["params"]),
  });
  if (kind === "bond") {
    const bondOf = asTexts(first(entry, "bond_interfaces", "bond-interfaces"));
    if (bondOf.length === 0) problems.push(`${what} has no bond_interfaces`);
    const bondParameters = readBondParameters(parameters(/^bond[-_](?!interfaces$)/), what, problems);
    return bondOf.length === 0 ? [] : [{ ...common, bondOf, bondParameters }];
  }
  if (kind === "bridge") {
    const bridgeOf = asTexts(first(entry, "bridge_interfaces", "bridge-interfaces"));
    const bridgeParameters = readBridgeParameters(parameters(/^bridge[-_](?!interfaces$)/), what, problems);
    return [{ ...common, bridgeOf, bridgeParameters }];
  }
  if (kind === "vlan") {
    const id = asInteger(entry["vlan_id"], 0, 4094);
    const link = asText(entry["vlan_link"]);
    if (id !== undefined && link !== undefined) return [{ ...common, vlanOf: { id, link } }];
    problems.push(`${what} lacks a good vlan_id or vlan_link`);
    return [];
  }
  return [common];
}
