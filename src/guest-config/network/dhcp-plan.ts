import { isNo } from "./link-steps.ts";
import type { NamedInterface } from "./resolve-names.ts";

/** A DHCP client of a card, and how far it is to obey. */
export interface DhcpClient {
  readonly nic: string;
  readonly family: 4 | 6;
  /** Of DHCPv6: asks for options only, since routers give the address. */
  readonly isStateless: boolean;
  /** Of the routes it gets; 0 is the kernel's own. */
  readonly metric: number;
  /** What the server says of these is not heeded. */
  readonly ignored: readonly ("mtu" | "routes" | "dns" | "domains" | "ntp")[];
  /** Sent instead of the instance's own; false: none is sent. */
  readonly hostname?: string | false | undefined;
  /** The server names the instance, if nobody else does. */
  readonly takesHostname: boolean;
  /** Nothing depends on it: it goes on in the background. */
  readonly isOptional: boolean;
}

/**
 * One DHCP card among others gets plain routes, as it would alone. If there are several, or another default route is as good, the first in the document is preferred by metric.
 */
export function dhcpClients(
  interfaces: readonly NamedInterface[],
  count: number,
  hasDefault: (metric: number) => boolean,
): DhcpClient[] {
  const asking = interfaces.filter(({ state }) => state.dhcp4 && state.isManual !== true);
  let next = count === 1 && !hasDefault(0) ? 0 : 100;
  const clients = asking.map(({ name, state }): DhcpClient => {
    const overrides = state.dhcp4Overrides ?? {};
    const said = metricOf(overrides);
    while (said === undefined && hasDefault(next)) next += 100;
    const metric = said ?? next;
    if (said === undefined) next += 100;
    const { hostname } = overrides;
    return {
      ...{ nic: name, family: 4, isStateless: false, metric },
      ignored: [...(hasOwnMtu(state) || isNo(overrides["use-mtu"]) ? (["mtu"] as const) : []), ...ignored(overrides)],
      hostname: isNo(overrides["send-hostname"]) ? false : typeof hostname === "string" ? hostname : undefined,
      takesHostname: overrides["use-hostname"] !== undefined && !isNo(overrides["use-hostname"]),
      isOptional: state.isOptional === true,
    };
  });
  const clients6 = interfaces
    .filter(({ state }) => state.dhcp6 !== undefined && state.isManual !== true)
    .map(({ name, state }): DhcpClient => {
      const overrides = state.dhcp6Overrides ?? {};
      return {
        ...{ nic: name, family: 6, isStateless: state.dhcp6 === "stateless", metric: 0, ignored: ignored(overrides) },
        ...{ takesHostname: false, isOptional: state.isOptional === true || overrides["optional"] === true },
      };
    });
  return [...clients, ...clients6];
}

/** What `route-metric` says, if it is a metric. */
export function metricOf(overrides: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const value = overrides?.["route-metric"];
  const metric = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof metric === "number" && Number.isInteger(metric) && metric >= 0 && metric < 2 ** 32 ? metric : undefined;
}

function hasOwnMtu({ mtu, subnetMtu }: NamedInterface["state"]): boolean {
  return (subnetMtu ?? mtu) !== undefined;
}

function ignored(overrides: Readonly<Record<string, unknown>>): DhcpClient["ignored"] {
  const domains = overrides["use-domains"];
  return [
    ...(isNo(overrides["use-routes"]) ? (["routes"] as const) : []),
    ...(isNo(overrides["use-dns"]) ? (["dns"] as const) : []),
    // `route` would only choose among resolvers by domain, which the C library cannot.
    ...(isNo(domains) || domains === "route" ? (["domains"] as const) : []),
    ...(isNo(overrides["use-ntp"]) ? (["ntp"] as const) : []),
  ];
}
