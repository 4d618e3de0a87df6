import { formatPrefix, networkOf, parsePrefix } from "../../src/guest-config/ip.ts";
import type { NetworkConfig } from "../../src/guest-config/model.ts";

/** What a guest shows of its network: by card, and sorted where order means nothing. */
export interface ShownNetwork {
  /** With prefix length; no link-local ones and none from router advertisements. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** `to via gateway dev card metric n`. */
  readonly routes: readonly string[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

/** What DHCP servers give, by card; for QEMU's user network that is 10.0.2.15/24, 10.0.2.2, 10.0.2.3. */
export interface Lease {
  readonly address: string;
  readonly router: string;
  readonly nameservers: readonly string[];
  readonly search?: readonly string[];
}

/**
 * What a guest with this configuration must show: exactly its addresses, its routes with their metrics, the subnets' own routes, and its DNS before that of DHCP.
 *
 * @param names of the cards, in the order of the configuration
 * @param leases by name of the card; at most one card with DHCP, whose routes then have no metric
 */
export function expectedNetwork(
  config: NetworkConfig,
  names: readonly string[],
  leases: Readonly<Record<string, Lease>>,
): ShownNetwork {
  const cards = config.interfaces.map((nic, index) => {
    const name = names[index] ?? `eth${index}`;
    const lease = nic.dhcp4 ? leases[name] : undefined;
    return { name, nic, lease, addresses: [...nic.addresses, ...(lease === undefined ? [] : [lease.address])] };
  });
  const routes = cards.flatMap(({ name, nic, lease, addresses }) => [
    ...addresses.flatMap((address) => connected(address, name)),
    ...nic.routes.map(({ to, via, metric }) => routeText(to, via, name, metric ?? (to.includes(":") ? 1024 : 0))),
    ...(lease === undefined ? [] : [routeText("0.0.0.0/0", lease.router, name, 0)]),
  ]);
  const sides = [...cards.map(({ nic }) => nic), config, ...cards.flatMap(({ lease }) => lease ?? [])];
  return {
    addresses: Object.fromEntries(cards.map(({ name, addresses }) => [name, [...addresses].sort()])),
    // Addresses of one subnet share its route.
    routes: [...new Set(routes)].sort(),
    nameservers: [...new Set(sides.flatMap(({ nameservers }) => nameservers))].slice(0, 3),
    search: [...new Set(sides.flatMap(({ search }) => search ?? []))],
  };
}

/** The commands whose output `shownNetwork` reads, each after a line `== name`. */
export const showNetwork = [
  "echo == addresses; ip -o addr show",
  "echo == routes4; ip -4 route show",
  "echo == routes6; ip -6 route show",
  "echo == resolv; cat /etc/resolv.conf",
].join("; ");

/** Reads what busybox's or iproute2's `ip` shows. */
export function shownNetwork(output: string): ShownNetwork {
  const section = (name: string) =>
    output
      .split(/^== /m)
      .find((part) => part.startsWith(`${name}\n`))
      ?.split("\n")
      .slice(1) ?? [];
  const addresses: Record<string, string[]> = {};
  for (const line of section("addresses")) {
    const [, card, address, rest] = /^\d+: (\S+)\s+inet6? (\S+) (.*)/.exec(line) ?? [];
    if (card === undefined || address === undefined || card === "lo") continue;
    addresses[card] ??= [];
    if (!/scope link|dynamic/.test(rest ?? "")) addresses[card].push(address.includes("/") ? address : `${address}/32`);
  }
  for (const list of Object.values(addresses)) list.sort();
  const routes = (name: string, everything: string, plainMetric: number) =>
    section(name).flatMap((line) => {
      const word = (key: string) => new RegExp(` ${key} (\\S+)`).exec(line)?.[1];
      const target = line.split(" ")[0];
      const isOurs =
        target && !/^(fe80|ff00|fec0)::|^(unreachable|local|anycast|multicast)|expires| via fe80/.test(line);
      if (!isOurs) return [];
      const to =
        target === "default"
          ? everything
          : formatPrefix(parsePrefix(target) ?? { address: { family: 4, bytes: [] }, length: 0 });
      return [routeText(to, word("via"), word("dev") ?? "", Number(word("metric") ?? plainMetric))];
    });
  const words = (key: string) =>
    section("resolv").flatMap((line) => (line.startsWith(`${key} `) ? line.split(" ").slice(1) : []));
  return {
    addresses,
    routes: [...routes("routes4", "0.0.0.0/0", 0), ...routes("routes6", "::/0", 1024)].sort(),
    nameservers: words("nameserver"),
    search: words("search"),
  };
}

/** The kernel's own route to a subnet; one address alone has none in IPv4. */
function connected(address: string, name: string): string[] {
  const prefix = parsePrefix(address);
  if (prefix === undefined || (prefix.address.family === 4 && prefix.length === 32)) return [];
  return [routeText(formatPrefix(networkOf(prefix)), undefined, name, prefix.address.family === 6 ? 256 : 0)];
}

function routeText(to: string, via: string | undefined, name: string, metric: number): string {
  return `${to}${via === undefined ? "" : ` via ${via}`} dev ${name} metric ${metric}`;
}
