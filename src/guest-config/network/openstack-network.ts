import { asArray, asInteger, asObject, asText, asTexts, type JsonObject } from "../initializer/json-values.ts";
import { contains, formatIp, formatPrefix, networkOf, parseIp, parsePrefix, parsePrefixLength } from "../ip.ts";
import type { InterfaceState, ParsedNetwork, RouteState } from "../network-state.ts";

/**
 * Reads OpenStack's network_data.json. What is wrong in it is left out and reported; the rest is used, since half a network may still be
 * a way in. DNS stands in three places, and clouds differ in which they use: routes, networks, and the top.
 */
export function parseNetworkData(document: unknown): ParsedNetwork {
  const top = asObject(document);
  if (top === undefined) return { problems: ["network_data.json is not a JSON object"] };
  const problems: string[] = [];
  for (const key of ["links", "networks", "services"])
    if (top[key] !== undefined && top[key] !== null && !Array.isArray(top[key]))
      problems.push(`network_data.json: ${key} is not a list`);

  const links = objects(top["links"], "links", problems);
  const networks = objects(top["networks"], "networks", problems);
  if (links.length === 0) return { problems };
  const interfaces = links.map((link) => {
    const own = networks.filter((network) => network["link"] !== undefined && network["link"] === link["id"]);
    return { ...readLink(link, links, problems), ...readNetworks(own, problems) };
  });
  for (const network of networks)
    if (!links.some((link) => link["id"] === network["link"]))
      problems.push(`network ${JSON.stringify(network["id"])} belongs to no link of the document`);
  return { network: { interfaces, ...readServices(top["services"], problems) }, problems };
}

function objects(value: unknown, what: string, problems: string[]): JsonObject[] {
  return asArray(value).flatMap((item, index) => {
    const object = asObject(item);
    if (object === undefined) problems.push(`network_data.json: ${what}[${index}] is not an object`);
    return object === undefined ? [] : [object];
  });
}

type LinkPart = Pick<InterfaceState, "kind" | "name" | "mac" | "mtu" | "bond" | "vlan">;

/** Any type that is not known is a card: clouds invent names for how they plug it in. */
function readLink(link: JsonObject, links: readonly JsonObject[], problems: string[]): LinkPart {
  const id = JSON.stringify(link["id"]);
  const common = { name: asText(link["name"]), mtu: readMtu(link["mtu"], id, problems) };
  const indexOf = (target: unknown) => links.findIndex((other) => other["id"] === target);
  if (link["type"] === "vlan") {
    const vlanId = asInteger(link["vlan_id"], 0, 4094);
    const parent = indexOf(link["vlan_link"]);
    const mac = readMac(link["vlan_mac_address"] ?? link["ethernet_mac_address"]);
    if (vlanId !== undefined && parent >= 0) return { ...common, kind: "vlan", mac, vlan: { id: vlanId, parent } };
    problems.push(`VLAN ${id} lacks a good vlan_id or vlan_link`);
    return { ...common, kind: "vlan", mac };
  }
  const mac = readMac(link["ethernet_mac_address"]);
  if (link["type"] === "bond") {
    const members = asArray(link["bond_links"]).map(indexOf);
    if (members.length === 0 || members.includes(-1)) problems.push(`bond ${id} lacks good bond_links`);
    return {
      ...common,
      kind: "bond",
      mac,
      bond: { members: members.filter((at) => at >= 0), parameters: bondParameters(link) },
    };
  }
  if (mac === undefined) problems.push(`link ${id} has no usable ethernet_mac_address`);
  return { ...common, kind: "physical", mac };
}

function bondParameters(link: JsonObject): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [key, value] of Object.entries(link))
    if (key.startsWith("bond_") && key !== "bond_links" && (typeof value === "string" || typeof value === "number"))
      parameters[key.slice("bond_".length)] = String(value);
  return parameters;
}

function readMac(value: unknown): string | undefined {
  const mac = asText(value)?.toLowerCase();
  return mac !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}([0-9a-f:]{42})?$/.test(mac) ? mac : undefined;
}

function readMtu(value: unknown, id: string, problems: string[]): number | undefined {
  if (value === undefined || value === null || value === 0) return undefined;
  const mtu = asInteger(value, 68, 65535);
  if (mtu === undefined) problems.push(`link ${id} has an impossible mtu: ${JSON.stringify(value)}`);
  return mtu;
}

type NetworkPart = Omit<InterfaceState, keyof LinkPart>;

function readNetworks(networks: readonly JsonObject[], problems: string[]): NetworkPart {
  const parts = networks.map((network) => readNetwork(network, problems));
  return {
    dhcp4: parts.some(({ dhcp4 }) => dhcp4),
    dhcp6: parts.find(({ dhcp6 }) => dhcp6 !== undefined)?.dhcp6,
    slaac: parts.some(({ slaac }) => slaac),
    // The last one to say something has its way, as in cloud-init.
    acceptRa: parts.findLast(({ acceptRa }) => acceptRa !== undefined)?.acceptRa,
    addresses: unique(parts.flatMap(({ addresses }) => addresses)),
    routes: parts.flatMap(({ routes }) => routes),
    nameservers: unique(parts.flatMap(({ nameservers }) => nameservers)),
    search: unique(parts.flatMap(({ search }) => search)),
  };
}

const methods: Readonly<Record<string, Partial<NetworkPart>>> = {
  ipv4: {},
  static: {},
  ipv6: { acceptRa: false },
  static6: { acceptRa: false },
  manual: {},
  ipv4_dhcp: { dhcp4: true },
  ipv6_dhcp: { dhcp6: "stateful", acceptRa: true },
  "ipv6_dhcpv6-stateful": { dhcp6: "stateful", acceptRa: true },
  "ipv6_dhcpv6-stateless": { dhcp6: "stateless", slaac: true },
  ipv6_slaac: { slaac: true },
};

function readNetwork(network: JsonObject, problems: string[]): NetworkPart {
  const what = `network ${JSON.stringify(network["id"])}`;
  const type = String(network["type"]);
  const method = Object.hasOwn(methods, type) ? methods[type] : undefined;
  if (method === undefined) problems.push(`${what} is of type ${JSON.stringify(type)}, which is not supported`);

  const isStatic = /^(ipv[46]|static6?)$/.test(type);
  const address = isStatic ? readAddress(network, what, problems) : undefined;
  const metric = readMetric(network["metric"], what, problems);
  const routes: RouteState[] = [];
  const gateway = asText(network["gateway"]);
  if (gateway !== undefined && method !== undefined) {
    const via = parseIp(gateway);
    if (via === undefined) problems.push(`${what} has a bad gateway: ${gateway}`);
    else routes.push(withOnLink({ to: via.family === 4 ? "0.0.0.0/0" : "::/0", via: formatIp(via), metric }, address));
  }
  const rawRoutes = method === undefined ? [] : objects(network["routes"], `${what} routes`, problems);
  for (const raw of rawRoutes) {
    const route = readRoute(raw, metric, what, problems);
    if (route !== undefined) routes.push(withOnLink(route, address));
  }
  const services = [...rawRoutes.map((route) => route["services"]), network["services"]].map((list) =>
    readServices(list, problems),
  );
  const nameservers = asTexts(network["dns_nameservers"]).filter((text) => isAddress(text, what, problems));
  return {
    dhcp4: false,
    slaac: false,
    ...method,
    addresses: address === undefined ? [] : [address],
    routes,
    nameservers: [...services.flatMap((part) => part.nameservers), ...nameservers],
    search: [...asTexts(network["dns_search"]), ...services.flatMap((part) => part.search)],
  };
}

function readAddress(network: JsonObject, what: string, problems: string[]): string | undefined {
  const text = asText(network["ip_address"]);
  if (text === undefined) {
    problems.push(`${what} has no ip_address`);
    return undefined;
  }
  const family = text.includes(":") ? 6 : 4;
  const mask = network["netmask"];
  const hasMask = mask !== undefined && mask !== null && mask !== "";
  const length = hasMask ? parsePrefixLength(String(mask), family) : family === 4 ? 24 : 64;
  const prefix = parsePrefix(text, length);
  if (prefix === undefined || (length === undefined && !text.includes("/"))) {
    problems.push(`${what} has a bad address: ${text}${hasMask ? ` with netmask ${String(mask)}` : ""}`);
    return undefined;
  }
  return formatPrefix(prefix);
}

/** OpenStack writes network and netmask; others `destination`, or the length inside `network`. */
function readRoute(
  route: JsonObject,
  networkMetric: number | undefined,
  what: string,
  problems: string[],
): RouteState | undefined {
  const target = asText(route["network"]) ?? asText(route["destination"]);
  const family = target?.includes(":") ? 6 : 4;
  const mask = route["netmask"];
  const hasMask = mask !== undefined && mask !== null && mask !== "";
  const length = hasMask ? parsePrefixLength(String(mask), family) : family === 4 ? 24 : 64;
  const to = target === undefined ? undefined : parsePrefix(target, length);
  const via = asText(route["gateway"]);
  const gateway = via === undefined ? undefined : parseIp(via);
  const bad =
    to === undefined ||
    (length === undefined && !target?.includes("/")) ||
    (via !== undefined && gateway?.family !== to.address.family);
  if (bad) {
    problems.push(`${what} has a bad route: ${JSON.stringify({ ...route, services: undefined })}`);
    return undefined;
  }
  const metric = readMetric(route["metric"], what, problems) ?? networkMetric;
  return { to: formatPrefix(networkOf(to)), via: gateway && formatIp(gateway), metric };
}

function readMetric(value: unknown, what: string, problems: string[]): number | undefined {
  if (value === undefined || value === null) return undefined;
  const metric = asInteger(value, 0, 2 ** 32 - 1);
  if (metric === undefined) problems.push(`${what} has a bad metric: ${JSON.stringify(value)}`);
  return metric;
}

/** A gateway outside the subnet that it came with can only be reached directly on the wire. */
function withOnLink(route: RouteState, address: string | undefined): RouteState {
  if (route.via === undefined || address === undefined) return route;
  const gateway = parseIp(route.via);
  const subnet = parsePrefix(address);
  if (gateway === undefined || subnet === undefined || gateway.family !== subnet.address.family) return route;
  const isLinkLocal =
    gateway.family === 6 && gateway.bytes[0] === 0xfe && ((gateway.bytes[1] as number) & 0xc0) === 0x80;
  return isLinkLocal || contains(subnet, gateway) ? route : { ...route, onLink: true };
}

function readServices(value: unknown, problems: string[]): { nameservers: string[]; search: string[] } {
  const services = asArray(value)
    .map(asObject)
    .filter((service) => service?.["type"] === "dns");
  const addresses = services.map((service) => asText(service?.["address"])).filter((text) => text !== undefined);
  return {
    nameservers: unique(addresses.filter((text) => isAddress(text, "services", problems))),
    search: unique(services.flatMap((service) => asTexts(service?.["search"]))),
  };
}

function isAddress(text: string, what: string, problems: string[]): boolean {
  const good = parseIp(text) !== undefined;
  if (!good) problems.push(`${what}: bad address of a name server: ${text}`);
  return good;
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
