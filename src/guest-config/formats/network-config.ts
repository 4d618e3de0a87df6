import { contains, parseIp, parsePrefix } from "../ip.ts";
import type { InterfaceConfig, NetworkConfig, RouteConfig } from "../model.ts";

type Json = Record<string, unknown>;

/**
 * network-config of version 2, netplan's dialect. Not version 1, although more readers know that: there a card must be given a name, to which it is then renamed, and
 * nothing says that a gateway lies outside the subnet. Version 2 finds cards by their MAC address and leaves them their names; netplan takes it as it is.
 */
export function networkConfig({ interfaces, nameservers, search }: NetworkConfig): Json {
  const ethernets = interfaces.map((nic, index) => {
    // There is no place for name servers that are everybody's: the first card has them.
    const own = index === 0 ? { nameservers, search } : { nameservers: [], search: [] };
    const dns = {
      addresses: [...new Set([...nic.nameservers, ...own.nameservers])],
      search: [...new Set([...nic.search, ...own.search])],
    };
    return [`eth${index}`, ethernet(nic, dns)] as const;
  });
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}

function ethernet(nic: InterfaceConfig, dns: { addresses: readonly string[]; search: readonly string[] }): Json {
  const { mac, mtu, addresses, routes } = nic;
  return {
    match: { macaddress: mac },
    dhcp4: nic.dhcp4,
    dhcp6: nic.dhcp6 === true,
    ...(nic.slaac === true ? { "accept-ra": true } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(routes.length === 0 ? {} : { routes: routes.map((route) => routeJson(route, nic)) }),
    ...(dns.addresses.length + dns.search.length === 0 ? {} : { nameservers: dns }),
  };
}

function routeJson({ to, via, metric }: RouteConfig, nic: InterfaceConfig): Json {
  return {
    to,
    ...(via === undefined ? { scope: "link" } : { via }),
    ...(metric === undefined ? {} : { metric }),
    ...(via !== undefined && isOnLink(via, nic) ? { "on-link": true } : {}),
  };
}

/** The gateway lies outside every subnet of its family: it can only be right there on the wire. */
function isOnLink(via: string, { addresses }: InterfaceConfig): boolean {
  const gateway = parseIp(via);
  const subnets = addresses.flatMap((text) => parsePrefix(text) ?? []);
  const own = subnets.filter(({ address }) => address.family === gateway?.family);
  return gateway !== undefined && own.length > 0 && !own.some((subnet) => contains(subnet, gateway));
}
