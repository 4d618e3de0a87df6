import { contains, parseIp, parsePrefix } from "../ip.ts";
import type { InterfaceConfig, NetworkConfig, RouteConfig } from "../model.ts";

type Json = Record<string, unknown>;

/**
 * network-config of version 2, netplan's dialect. Not version 1, although more readers know that: there a card must be given a name, to which it is then renamed, and
 * nothing says that a gateway lies outside the subnet. Version 2 finds cards by their MAC address and leaves them their names; netplan takes it as it is.
 */
export function networkConfig(network: NetworkConfig): Json {
  const dns = dnsOf(network);
  const ethernets = network.interfaces.map((nic, index) => [`eth${index}`, ethernet(nic, dns[index] as Dns)] as const);
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}

interface Dns {
  readonly addresses: readonly string[];
  readonly search: readonly string[];
}

/**
 * There is no place for what is everybody's: one card has it. cloud-init stumbles over a card with search domains and no server, and then forgets the servers of
 * all cards after it: so such domains are that card's too.
 */
function dnsOf({ interfaces, nameservers, search }: NetworkConfig): Dns[] {
  const isBusy = ({ dhcp4, dhcp6, slaac, addresses }: InterfaceConfig) =>
    dhcp4 || dhcp6 === true || slaac === true || addresses.length > 0;
  const withServers = interfaces.findIndex((nic) => nic.nameservers.length > 0);
  const main = withServers >= 0 ? withServers : Math.max(0, interfaces.findIndex(isBusy));
  const hasServers = withServers >= 0 || nameservers.length > 0;
  const isMoved = (nic: InterfaceConfig, index: number) => hasServers && index !== main && nic.nameservers.length === 0;
  const moved = interfaces.filter(isMoved).flatMap((nic) => nic.search);
  const unique = (...lists: readonly (readonly string[])[]) => [...new Set(lists.flat())];
  return interfaces.map((nic, index) =>
    index === main
      ? { addresses: unique(nic.nameservers, nameservers), search: unique(nic.search, search, moved) }
      : { addresses: nic.nameservers, search: isMoved(nic, index) ? [] : nic.search },
  );
}

function ethernet(nic: InterfaceConfig, dns: Dns): Json {
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
