import type { InstanceConfig, InterfaceConfig } from "../guest-config/model.ts";
import type { DhcpLease } from "../machine/network/dhcp.ts";
import type { VirtualNetworkOptions } from "../machine/network/options.ts";
import type { PlayedCloud } from "./played-clouds.ts";

/** The network around an instance of a cloud that is played here. */
export interface PlayedNetwork {
  /** What the instance is told: with addresses where that cloud tells them. */
  readonly config: InstanceConfig;
  readonly options: VirtualNetworkOptions;
  /** What each card has in the end, for the metadata. */
  readonly addresses: readonly { readonly address: string; readonly gateway: string }[];
}

/** A card's address with its prefix length, and its router. */
export interface CardPlace {
  readonly address: string;
  readonly router: string;
}

/** The first host that a network gives away. */
const firstHost = 10;
const defaultRoute = "0.0.0.0/0";

/**
 * Card i is in 172.16.i.0/24, unless the profile gives it an IPv4 address of its own: then its network is around that. All of them are on one link,
 * with a router between them.
 *
 * @param places of the cards, in their order, where the cloud has given them: whatever they are, the guest is told, or asks for them
 */
export function playedNetwork(
  cloud: PlayedCloud,
  config: InstanceConfig,
  places: readonly CardPlace[] = [],
): PlayedNetwork {
  const cards = config.network.interfaces.map((nic, index) => ({
    nic,
    ...(places[index] ?? placeOf(nic, index, cloud.routerHost)),
  }));
  const told = (nic: InterfaceConfig, address: string, router: string, isFirst: boolean): InterfaceConfig => {
    if (cloud.addresses === "dhcp" || !nic.dhcp4) return nic;
    const routes = isFirst ? [{ to: defaultRoute, via: router }, ...nic.routes] : nic.routes;
    return { ...nic, dhcp4: false, addresses: [address, ...nic.addresses], routes };
  };
  const interfaces = cards.map(({ nic, address, router }, index) => told(nic, address, router, index === 0));
  const nameservers = config.network.nameservers.length > 0 ? config.network.nameservers : cloud.nameservers;
  const leases = cards.map(({ nic, address, router }) => [nic.mac, leaseOf(cloud, address, router, config.hostname)]);
  return {
    config: { ...config, network: { ...config.network, interfaces, nameservers } },
    options: {
      ipv4: cards.map(({ address, router }) => `${router}/${address.split("/")[1]}`),
      dhcp: { leases: Object.fromEntries(leases) },
      ipv6: { prefixes: cards.flatMap(({ nic }) => prefixesOf(nic)), silent: true },
      names: cloud.names,
      ...(cloud.mtu !== undefined && { mtuBytes: cloud.mtu }),
    },
    addresses: cards.map(({ address, router }) => ({ address, gateway: router })),
  };
}

function leaseOf(cloud: PlayedCloud, address: string, router: string, hostname: string): DhcpLease {
  const { nameservers, ntp, mtu, metadata, routesToMetadata = false } = cloud;
  const services = metadata.filter((name) => !name.startsWith("[")).map((name) => `${name.split(":")[0]}/32`);
  const routes = [defaultRoute, ...services].map((to) => ({ to, via: router }));
  return {
    ...{ address, routers: [router], nameservers, hostname },
    ...(ntp && { ntp }),
    ...(mtu !== undefined && { mtu }),
    ...(routesToMetadata && { routes }),
  };
}

/** Where a private address is in a subnet as the cloud makes them. */
export function placeInSubnet({ subnetLength, routerHost }: PlayedCloud, address: string): CardPlace {
  const own = numberOf(address);
  const size = 2 ** (32 - subnetLength);
  const base = own - (own % size);
  // The third from the end of a subnet is so whatever its size, and so is the first.
  const router = routerHost > 127 ? base + size - 256 + routerHost : base + routerHost;
  return { address: `${address}/${subnetLength}`, router: textOf(router === own ? router + 1 : router) };
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

function placeOf(nic: InterfaceConfig, index: number, routerHost: number): CardPlace {
  const own = nic.addresses.find((text) => !text.includes(":"));
  const via = nic.routes.find(({ to }) => to === defaultRoute)?.via;
  if (own === undefined) return { address: `172.16.${index}.${firstHost}/24`, router: `172.16.${index}.${routerHost}` };
  const [host = ""] = own.split("/");
  const network = host.replace(/\.\d+$/, "");
  const usual = `${network}.${routerHost}`;
  return { address: own, router: via ?? (usual === host ? `${network}.${routerHost + 1}` : usual) };
}

/** Where its IPv6 routers are, if they are not on the link alone. */
function prefixesOf({ addresses, routes }: InterfaceConfig): string[] {
  const routers = routes.flatMap(({ via }) => (via?.includes(":") && !via.startsWith("fe80:") ? [via] : []));
  const length = addresses.find((text) => text.includes(":"))?.split("/")[1] ?? "64";
  return routers.map((router) => `${router}/${length}`);
}
