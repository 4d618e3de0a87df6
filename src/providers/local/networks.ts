import type { InstanceConfig, InterfaceConfig } from "../../guest-config/model.ts";
import type { UserNic } from "../../machine/nics.ts";

/** The private network that is played for one card, and the guest's own address in it. */
export interface LocalNic extends Omit<UserNic, "forwards"> {
  readonly guestAddress: string;
}

/**
 * The networks around an instance's cards. A card with a static IPv4 address is put into a network where that address, its router and
 * its DNS server are right; any other is in 10.0.(2+i).0/24 with the router at .2, DNS at .3 and DHCP from .15 on.
 */
export function localNetworks({ network }: InstanceConfig): LocalNic[] {
  return network.interfaces.map((nic, index) => localNetwork(nic, [...nic.nameservers, ...network.nameservers], index));
}

function localNetwork(nic: InterfaceConfig, nameservers: readonly string[], index: number): LocalNic {
  const own = nic.addresses.flatMap((address) => parseNetwork(address) ?? [])[0];
  const network = own ?? { address: base(index) + dhcpOffset, base: base(index), prefix: 24 };
  const inside = (text: string | undefined): number | undefined => {
    const address = text === undefined ? undefined : parseAddress(text);
    if (address === undefined || baseOf(address, network.prefix) !== network.base) return undefined;
    return address === own?.address ? undefined : address;
  };
  const taken = new Set<number>(own === undefined ? [] : [own.address]);
  const choose = (wished: readonly (string | undefined)[], offset: number): number => {
    let address = wished.map(inside).find((found) => found !== undefined && !taken.has(found));
    for (let at = offset; address === undefined; at++) if (!taken.has(network.base + at)) address = network.base + at;
    taken.add(address);
    return address;
  };
  const routers = nic.routes.toSorted((a, b) => Number(isDefault(b.to)) - Number(isDefault(a.to)));
  const routerWishes = routers.map(({ via }) => via);
  const router = choose(routerWishes, 2);
  const dns = choose(nameservers, 3);
  const dhcpStart = choose([], dhcpOffset);
  return {
    mac: nic.mac,
    network: `${formatAddress(network.base)}/${network.prefix}`,
    router: formatAddress(router),
    dns: formatAddress(dns),
    dhcpStart: formatAddress(dhcpStart),
    guestAddress: formatAddress(own?.address ?? dhcpStart),
  };
}

const dhcpOffset = 15;

function base(index: number): number {
  return (10 << 24) | ((2 + index) << 8);
}

function isDefault(to: string): boolean {
  return to === "0.0.0.0/0";
}

/** Smaller networks than /24 have too few addresses for router, DNS and DHCP: the one around them is played. */
function parseNetwork(text: string): { address: number; base: number; prefix: number } | undefined {
  const [host = "", prefixText = ""] = text.split("/");
  const address = parseAddress(host);
  const prefix = Math.min(24, Number(prefixText));
  if (address === undefined || !Number.isInteger(prefix) || prefix < 1) return undefined;
  return { address, base: baseOf(address, prefix), prefix };
}

function baseOf(address: number, prefix: number): number {
  return address - (address % 2 ** (32 - prefix));
}

function parseAddress(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || !parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
