import { asArray, asInteger, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState, ParsedNetwork } from "../network-state.ts";
import { readBondParameters } from "./stacked.ts";
import { plain, readMac, readMtu, readNameservers, readObjects, unique } from "./subnet.ts";
import { combineSubnets, readSubnet, type SubnetPart } from "./subnets.ts";

/**
 * Reads OpenStack's network_data.json. What is wrong in it is left out and reported; the rest is used, since half a network may still be
 * a way in. DNS stands in three places, and clouds differ in which they use: routes, networks, and the top.
 */
export function parseNetworkData(document: unknown): ParsedNetwork {
  const top = asObject(document);
  if (top === undefined) return { problems: ["network_data.json is not a JSON object"] };
  const problems: string[] = [];
  const finding = { what: "network_data.json", problems };
  const links = readObjects(top["links"], "links", finding);
  const networks = readObjects(top["networks"], "networks", finding);
  if (top["services"] !== undefined && top["services"] !== null && !Array.isArray(top["services"]))
    problems.push("network_data.json: services is not a list");
  const services = readServices([top["services"]]);
  if (links.length === 0) return { problems };
  const indexes = new Map<unknown, number>();
  for (const [index, { id }] of links.entries()) if (id !== undefined && !indexes.has(id)) indexes.set(id, index);
  const own = links.map((): JsonObject[] => []);
  for (const network of networks) {
    const index = indexes.get(network["link"]);
    if (index === undefined) problems.push(`network ${nameOf(network)} belongs to no link of the document`);
    else own[index]?.push(network);
  }
  const interfaces = links.map((link, index) => ({
    ...readNetworks(own[index] ?? [], problems),
    ...readLink(link, indexes, problems),
  }));
  const nameservers = unique(readNameservers(services.addresses, finding));
  return { network: { interfaces, nameservers, search: services.search }, problems };
}

/** For people. */
function nameOf(object: JsonObject): string {
  return JSON.stringify(plain(object["id"]).slice(0, 80));
}

type LinkPart = Pick<InterfaceState, "kind" | "name" | "mac" | "mtu" | "bond" | "vlan">;

/** Any type that is not known is a card: clouds invent names for how they plug it in. */
function readLink(link: JsonObject, indexes: ReadonlyMap<unknown, number>, problems: string[]): LinkPart {
  const id = nameOf(link);
  const common = { name: asText(link["name"]), mtu: readMtu(link["mtu"], { what: `link ${id}`, problems }) };
  if (link["type"] === "vlan") {
    const vlanId = asInteger(link["vlan_id"], 0, 4094);
    const parent = indexes.get(link["vlan_link"]);
    const mac = readMac(link["vlan_mac_address"] ?? link["ethernet_mac_address"]);
    if (vlanId !== undefined && parent !== undefined)
      return { ...common, kind: "vlan", mac, vlan: { id: vlanId, parent } };
    problems.push(`VLAN ${id} lacks a good vlan_id or vlan_link`);
    return { ...common, kind: "vlan", mac };
  }
  const mac = readMac(link["ethernet_mac_address"]);
  if (link["type"] === "bond") {
    const names = asArray(link["bond_links"]);
    const members = unique(names.flatMap((name) => indexes.get(name) ?? []));
    if (members.length === 0 || members.length !== names.length) problems.push(`bond ${id} lacks good bond_links`);
    const settings = Object.entries(link).filter(([key]) => key.startsWith("bond_") && key !== "bond_links");
    const parameters = readBondParameters(Object.fromEntries(settings), `bond ${id}`, problems);
    return { ...common, kind: "bond", mac, bond: { members, parameters } };
  }
  if (mac === undefined) problems.push(`link ${id} has no usable ethernet_mac_address`);
  return { ...common, kind: mac !== undefined && mac.length > 17 ? "infiniband" : "physical", mac };
}

/** OpenStack's words for what version 1 of network-config calls otherwise, and whether router advertisements are heeded. */
const types: Readonly<Record<string, { readonly type: string; readonly acceptRa?: boolean }>> = {
  ipv4: { type: "static" },
  ipv6: { type: "static6", acceptRa: false },
  static6: { type: "static6", acceptRa: false },
  ipv4_dhcp: { type: "dhcp4" },
  ipv6_dhcp: { type: "dhcp6", acceptRa: true },
  "ipv6_dhcpv6-stateful": { type: "dhcp6", acceptRa: true },
};

function readNetworks(networks: readonly JsonObject[], problems: string[]): SubnetPart {
  const known = networks.map(({ type }) => (Object.hasOwn(types, plain(type)) ? types[plain(type)] : undefined));
  const parts = networks.map((network, index) => {
    const finding = { what: `network ${nameOf(network)}`, problems };
    const routes = asArray(network["routes"]).slice(0, 1000);
    const services = readServices([...routes.map((route) => asObject(route)?.["services"]), network["services"]]);
    const subnet = {
      ...network,
      type: known[index]?.type ?? (plain(network["type"]) || "none"),
      address: network["ip_address"],
      dns_nameservers: [...services.addresses, ...asTexts(network["dns_nameservers"])],
      dns_search: [...asTexts(network["dns_search"]), ...services.search],
    };
    return readSubnet(subnet, finding);
  });
  // The last one to say something has its way, as in cloud-init.
  return { ...combineSubnets(parts), acceptRa: known.findLast((entry) => entry?.acceptRa !== undefined)?.acceptRa };
}

/** Name servers, of several lists. */
function readServices(lists: readonly unknown[]): { addresses: string[]; search: string[] } {
  const services = lists.flatMap(asArray).map(asObject);
  const resolvers = services.filter((service) => service?.["type"] === "dns");
  return {
    addresses: resolvers.map((service) => asText(service?.["address"])).filter((text) => text !== undefined),
    search: unique(resolvers.flatMap((service) => asTexts(service?.["search"]))),
  };
}
