import { formatIp, formatNetmask, type IpPrefix, networkOf, parsePrefix } from "../ip.ts";
import type { InterfaceConfig, NetworkConfig, RouteConfig } from "../model.ts";

type Json = Record<string, unknown>;

/**
 * OpenStack's network_data.json, as Nova writes it (`nova/virt/netutils.py`; schema in Nova's doc/api_schemas/network_data.json), with the few
 * keys that Nova lacks and cloud-init reads: `metric` of a route, `dns_search` of a network, `search` of a service.
 *
 * Errors: throws a RangeError for addresses that are none; the profile's schema has refused those.
 */
export function networkData({ interfaces, nameservers, search }: NetworkConfig): Json {
  const services: Json[] = nameservers.map((address) => ({ type: "dns", address }));
  if (search.length > 0) services[0] = { type: "dns", ...services[0], search };
  return {
    links: interfaces.map(({ mac, mtu }, index) => ({
      id: linkId(index),
      type: "phy",
      ethernet_mac_address: mac,
      mtu: mtu ?? null,
    })),
    networks: interfaces.flatMap(networksOf),
    services,
  };
}

function linkId(index: number): string {
  return `interface${index}`;
}

/** One network for each way of asking and one for each address. Routes go with the first network of their family, DNS with the first of all. */
function networksOf(nic: InterfaceConfig, index: number): Json[] {
  const networks: { family: 4 | 6 | undefined; json: Json }[] = [];
  if (nic.dhcp4) networks.push({ family: 4, json: { type: "ipv4_dhcp" } });
  if (nic.dhcp6 === true) networks.push({ family: 6, json: { type: "ipv6_dhcpv6-stateful" } });
  if (nic.slaac === true) networks.push({ family: 6, json: { type: "ipv6_slaac" } });
  for (const text of nic.addresses) {
    const { address, length } = prefix(text);
    const { family } = address;
    const json = { type: `ipv${family}`, ip_address: formatIp(address), netmask: formatNetmask(length, family) };
    networks.push({ family, json });
  }
  const hasMore = nic.routes.length + nic.nameservers.length + nic.search.length > 0;
  // An interface without addresses has no network in Nova's terms; `manual` is cloud-init's word for one that is only up.
  if (networks.length === 0 && hasMore) networks.push({ family: undefined, json: { type: "manual" } });

  const routes = networks.map((): Json[] => []);
  for (const route of nic.routes) {
    const { address } = prefix(route.to);
    const at = networks.findIndex(({ family }) => family === address.family);
    routes[Math.max(0, at)]?.push(routeJson(route));
  }
  return networks.map(({ json }, at) => ({
    id: `network${index}-${at}`,
    link: linkId(index),
    ...json,
    ...(routes[at]?.length === 0 ? {} : { routes: routes[at] }),
    ...(at === 0 && nic.nameservers.length > 0
      ? { services: nic.nameservers.map((address) => ({ type: "dns", address })) }
      : {}),
    ...(at === 0 && nic.search.length > 0 ? { dns_search: nic.search } : {}),
  }));
}

function routeJson({ to, via, metric }: RouteConfig): Json {
  const { address, length } = networkOf(prefix(to));
  return {
    network: formatIp(address),
    netmask: formatNetmask(length, address.family),
    ...(via === undefined ? {} : { gateway: via }),
    ...(metric === undefined ? {} : { metric }),
  };
}

function prefix(text: string): IpPrefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new RangeError(`not an address or network: ${text}`);
  return parsed;
}
