import { isLinkLocal, type Prefix, parseIp, parsePrefix } from "./addresses.ts";
import type { AdvertisedPrefix, RouterAdvertisement } from "./nd.ts";
import type { Ipv6Options } from "./options.ts";

/** What a router of IPv6 says of itself and its prefixes (RFC 4861, 6.2). */
export function routerAdvertisement(options: Ipv6Options, mac: Buffer): RouterAdvertisement {
  const {
    managed = false,
    other = false,
    lifetimeSeconds = 1800,
    mtuBytes,
    prefixes = [],
    nameservers = [],
    search = [],
  } = options;
  return {
    ...{ mac, managed, other, lifetimeSeconds, mtuBytes, search },
    nameservers: nameservers.map(parseIp),
    prefixes: prefixes.map((given): AdvertisedPrefix => {
      const flags = typeof given === "string" ? { address: given } : given;
      const { onLink = true, autonomous = true, validSeconds = 86_400, preferredSeconds = 14_400 } = flags;
      const { address, length } = parsePrefix(flags.address);
      return { network: networkBytes({ address, length }), length, onLink, autonomous, validSeconds, preferredSeconds };
    }),
  };
}

/** The router's own addresses, the one on the link first. */
export function routerAddresses6({ router = "fe80::1", prefixes = [] }: Ipv6Options): Prefix[] {
  const link = parseIp(router);
  if (!isLinkLocal(link)) throw new RangeError(`${router} is not an address of fe80::/10`);
  const others = prefixes.map((given) => parsePrefix(typeof given === "string" ? given : given.address));
  return [{ address: link, length: 64 }, ...others];
}

function networkBytes({ address, length }: Prefix): Buffer {
  const network = Buffer.from(address);
  for (let bit = length; bit < 128; bit++) network[bit >> 3] = (network[bit >> 3] as number) & ~(0x80 >> (bit & 7));
  return network;
}
