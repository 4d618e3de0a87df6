import type { DhcpLease } from "./dhcp.ts";
import type { Dhcp6Lease } from "./dhcpv6.ts";
import type { Endpoint } from "./tcp-host.ts";

/** What a virtual network is like. Without any of it, there is a link and nobody else on it. */
export interface VirtualNetworkOptions {
  /** The router's IPv4 addresses, each with its network: `10.0.2.1/24`. Between them it routes. */
  readonly ipv4?: readonly string[];
  readonly dhcp?: DhcpOptions;
  /** Router, and advertisements of it. */
  readonly ipv6?: Ipv6Options;
  readonly dhcp6?: Dhcp6Options;
  /**
   * Where TCP connections of guests lead: `{"169.254.169.254:80": {host: "127.0.0.1", port}, "[fe80::a9fe:a9fe]:80": …}`. The router has these
   * addresses too: it answers for them on the link, and to ping.
   */
  readonly services?: Readonly<Record<string, Endpoint>>;
  /** Where all other connections lead that go to addresses of no guest. Undefined, and so by default: they are refused. */
  readonly dial?: (address: string, port: number) => Endpoint | undefined;
  /** What DNS answers, at whatever address it is asked: `{"metadata.tencentyun.com": ["169.254.0.23"]}`. Other names do not exist. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** Networks from which nothing comes back: `10.9.0.0/16`. To other unknown ones there is no route, and the router says so. */
  readonly blackhole?: readonly string[];
  /** What fits into a packet on the link. Default: 1500. */
  readonly mtuBytes?: number;
}

export interface DhcpOptions {
  /** For cards that `leases` does not name: the first gets this address, the next the one after it. Absent: they get no answer. */
  readonly lease?: DhcpLease;
  /** By MAC address, lower case. */
  readonly leases?: Readonly<Record<string, DhcpLease>>;
  /** How long an answer takes; the first attempt is 1. Infinity: there is none. Default: 0. */
  readonly delayMs?: (mac: string, attempt: number) => number;
}

export interface Ipv6Options {
  /** The router's own on the link. Default: `fe80::1`. */
  readonly router?: string;
  /** Its addresses, each with its prefix: `2001:db8:1::1/64`. */
  readonly prefixes?: readonly (string | (PrefixFlags & { readonly address: string }))[];
  /** Nothing is advertised. */
  readonly silent?: boolean;
  /** M: addresses come by DHCPv6. */
  readonly managed?: boolean;
  /** O: other things do. */
  readonly other?: boolean;
  /** 0: it is no default router. Default: 1800. */
  readonly lifetimeSeconds?: number;
  readonly mtuBytes?: number;
  readonly nameservers?: readonly string[];
  readonly search?: readonly string[];
  /** Between advertisements that nobody has asked for. Default: 10 s. */
  readonly intervalMs?: number;
}

export interface PrefixFlags {
  /** Default: true. */
  readonly onLink?: boolean;
  /** Hosts make themselves an address in it. Default: true. */
  readonly autonomous?: boolean;
  readonly validSeconds?: number;
  readonly preferredSeconds?: number;
}

export interface Dhcp6Options {
  /** As for DHCP, but the address is without a prefix length; a lease without one tells the rest only. */
  readonly lease?: Dhcp6Lease;
  readonly leases?: Readonly<Record<string, Dhcp6Lease>>;
  readonly delayMs?: (mac: string, attempt: number) => number;
}

/** Something that a virtual network saw or did. */
export type NetworkEvent =
  | {
      readonly kind: "dhcp" | "dhcp6";
      readonly mac: string;
      readonly message: string;
      readonly wantedOptions: readonly number[];
    }
  | { readonly kind: "lease" | "lease6"; readonly mac: string; readonly address: string }
  | { readonly kind: "dns"; readonly from: string; readonly name: string; readonly type: number }
  | { readonly kind: "router-solicitation"; readonly mac: string }
  | {
      readonly kind: "connect";
      readonly from: string;
      readonly to: string;
      readonly port: number;
      readonly outcome: "open" | "refused";
    };
