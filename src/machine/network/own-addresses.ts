import { canonicalIp, contains, isLinkLocal, type Prefix, parseIp, parsePrefix } from "./addresses.ts";
import { routerAddresses6 } from "./advertiser.ts";
import type { VirtualNetworkOptions } from "./options.ts";
import type { Endpoint } from "./tcp-host.ts";

/** The addresses of the router, and where they lie. */
export interface OwnAddresses {
  /** Its own ones, and those of its services. */
  isOwn(address: Buffer): boolean;
  /** In a network of the link: a guest's, or nobody's. */
  isOnLink(address: Buffer): boolean;
  /** Goes to all in an IPv4 network. */
  isBroadcast(address: Buffer): boolean;
  /** The one by which a neighbour with that address knows the router. */
  sourceFor(destination: Buffer): Buffer;
  /** Of the servers of DHCP, and of IPv6 on the link. */
  readonly server: Buffer;
  readonly link: Buffer;
  service(address: string, port: number): Endpoint | undefined;
}

/** @throws RangeError for what is no address */
export function ownAddresses({ ipv4 = [], ipv6 = {}, services = {} }: VirtualNetworkOptions): OwnAddresses {
  const networks4 = ipv4.map(parsePrefix);
  const networks6 = routerAddresses6(ipv6);
  const networks = [...networks4, ...networks6];
  const endpoints = new Map(Object.entries(services).map(([name, endpoint]) => [serviceKey(name), endpoint]));
  const keyOf = (address: Buffer) => address.toString("latin1");
  const serviceAddresses = [...endpoints.keys()].map((key) => parseIp(key.split(" ")[0] as string));
  const own = new Set([...networks.map(({ address }) => address), ...serviceAddresses].map(keyOf));
  const server = networks4[0]?.address ?? parseIp("169.254.1.1");
  const link = (networks6[0] as Prefix).address;
  return {
    ...{ server, link },
    isOwn: (address) => own.has(keyOf(address)),
    isOnLink: (address) => networks.some((network) => contains(network, address)),
    isBroadcast: (address) =>
      networks4.some((network) => contains(network, address) && hostBitsAreOnes(address, network.length)),
    sourceFor(destination) {
      const same = networks.find((network) => contains(network, destination));
      if (same !== undefined) return same.address;
      if (destination.length === 4) return server;
      return isLinkLocal(destination) ? link : (networks6[1]?.address ?? link);
    },
    service: (address, port) => endpoints.get(`${address} ${port}`),
  };
}

/** `169.254.169.254:80`, `[fe80::1]:80`: the address as it is always written, and the port. */
function serviceKey(name: string): string {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(name) ?? [];
  if (port === undefined) throw new RangeError(`${name} is not an address with a port`);
  return `${canonicalIp((bracketed ?? plain) as string)} ${port}`;
}

/** A network of two addresses or one has no broadcast. */
function hostBitsAreOnes(address: Buffer, length: number): boolean {
  const hostBits = length === 0 ? 0xffff_ffff : 2 ** (32 - length) - 1;
  return length < 31 && (address.readUInt32BE(0) & hostBits) >>> 0 === hostBits;
}
