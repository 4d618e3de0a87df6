import type { RouteConfig } from "./model.ts";

/**
 * A network document after parsing, whatever dialect it was written in. Richer than NetworkConfig: this is everything the
 * foreign documents can say, that is only what our own generators do. Plain data; it is kept as JSON in the guest.
 */
export interface NetworkState {
  /** In the order of the document. */
  readonly interfaces: readonly InterfaceState[];
  /** Of no interface: whichever reaches the gateway takes them. Version 1 documents have such. */
  readonly routes?: readonly RouteState[] | undefined;
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

/** What a reader of network documents made of one. */
export interface ParsedNetwork {
  /** Undefined when the document says nothing (`{}`, no links): choose yourself, rather than configure no card at all. */
  readonly network?: NetworkState | undefined;
  /** The document says that nobody is to touch the network (`config: disabled`). */
  readonly isDisabled?: boolean | undefined;
  /** What was wrong and has been left out; the rest is used, since half a network may still be a way in. */
  readonly problems: readonly string[];
}

export interface InterfaceState {
  readonly kind: "physical" | "infiniband" | "loopback" | "bond" | "bridge" | "vlan";
  /** What the document itself calls it, where that is not its name: a key of netplan's mappings. */
  readonly id?: string | undefined;
  /**
   * What it shall be called. A bond or VLAN without one gets its usual name; a card keeps the one it has. Without `mac` and `match`, a card is found by this
   * name.
   */
  readonly name?: string | undefined;
  /** Lower case. Finds the card of a physical interface; is set on a bond, bridge or VLAN. */
  readonly mac?: string | undefined;
  /** Further conditions on the card: globs of its present name, and of its driver. */
  readonly match?:
    | { readonly names?: readonly string[] | undefined; readonly drivers?: readonly string[] | undefined }
    | undefined;
  /** A card gets this MAC address instead of its own (netplan's `macaddress` of an ethernet). */
  readonly setMac?: string | undefined;
  readonly mtu?: number | undefined;
  /** Of the IPv4 subnet, where a document has one beside the device's. */
  readonly subnetMtu?: number | undefined;
  /** Of IPv6 alone. */
  readonly subnetMtu6?: number | undefined;
  readonly dhcp4: boolean;
  readonly dhcp6?: "stateful" | "stateless" | undefined;
  readonly slaac: boolean;
  /** Whether router advertisements are heeded; undefined leaves that to the kernel. */
  readonly acceptRa?: boolean | undefined;
  /** As the document has them, in netplan's words: `route-metric`, `use-dns`, `use-routes`, `send-hostname`, … */
  readonly dhcp4Overrides?: Readonly<Record<string, unknown>> | undefined;
  readonly dhcp6Overrides?: Readonly<Record<string, unknown>> | undefined;
  /** Families whose link-local addresses are wanted (netplan's `link-local`); undefined leaves that to the kernel. */
  readonly linkLocal?: readonly (4 | 6)[] | undefined;
  /** Canonical text with prefix length. */
  readonly addresses: readonly string[];
  readonly routes: readonly RouteState[];
  /** Policy routing. */
  readonly rules?: readonly RuleState[] | undefined;
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  /** Nobody need wait for it. */
  readonly isOptional?: boolean | undefined;
  /** `control: manual`: somebody else (the initrd) has brought it up; it stays as it is. */
  readonly isManual?: boolean | undefined;
  readonly wakeOnLan?: boolean | undefined;
  /** Named as a member of a bond or bridge, or below a VLAN, but not declared. */
  readonly isPlaceholder?: boolean | undefined;
  /**
   * Members are indexes into `interfaces`; parameters have the names and units of the kernel (`mode`, `miimon`, `xmit_hash_policy`), switches are `1` and `0`. `primary` is what the document calls that
   * member: its `id` or `name`.
   */
  readonly bond?:
    | { readonly members: readonly number[]; readonly parameters: Readonly<Record<string, string>> }
    | undefined;
  /**
   * Ports are indexes into `interfaces`. Parameters have version 1's names without the prefix `bridge_`: `stp` is a boolean; `ageing`, `bridgeprio`, `fd`, `gcint`, `hello`, `maxage`, `maxwait` are numbers;
   * `pathcost`, `portprio`, `waitport` are numbers by what the document calls the port.
   */
  readonly bridge?:
    | { readonly ports: readonly number[]; readonly parameters: Readonly<Record<string, unknown>> }
    | undefined;
  /** The parent is an index into `interfaces`. */
  readonly vlan?: { readonly id: number; readonly parent: number } | undefined;
}

export interface RouteState extends RouteConfig {
  /** The gateway lies outside every subnet of the interface, as on clouds that hand out /32 addresses. */
  readonly onLink?: boolean | undefined;
  /** It was written as a `gateway`, not as a route. */
  readonly isGateway?: boolean | undefined;
  readonly table?: number | undefined;
  readonly mtu?: number | undefined;
  /** Of its subnet, for a route that has no metric of its own. */
  readonly inheritedMetric?: number | undefined;
  /** `unicast` if absent; others need no gateway: `blackhole`, `unreachable`, `prohibit`, `local`, `throw`. */
  readonly type?: string | undefined;
  readonly scope?: string | undefined;
  /** Preferred source address. */
  readonly from?: string | undefined;
}

/** A rule of policy routing; at least one of `from` and `to`. */
export interface RuleState {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly table?: number | undefined;
  readonly priority?: number | undefined;
  readonly mark?: number | undefined;
  readonly tos?: number | undefined;
}
