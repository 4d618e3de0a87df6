import type { RouteConfig } from "./model.ts";

/**
 * A network document after parsing, whatever dialect it was written in. Richer than NetworkConfig: this is everything the
 * foreign documents can say, that is only what our own generators do. Plain data; it is kept as JSON in the guest.
 */
export interface NetworkState {
  /** In the order of the document. */
  readonly interfaces: readonly InterfaceState[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

export interface InterfaceState {
  readonly kind: "physical" | "bond" | "vlan";
  /** What the document calls it. A bond or VLAN without one gets its usual name; a card keeps the one it has. */
  readonly name?: string | undefined;
  /** Lower case. Finds the card of a physical interface; is set on a bond or VLAN. */
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  readonly dhcp4: boolean;
  readonly dhcp6?: "stateful" | "stateless" | undefined;
  readonly slaac: boolean;
  /** Whether router advertisements are heeded; undefined leaves that to the kernel. */
  readonly acceptRa?: boolean | undefined;
  /** Canonical text with prefix length. */
  readonly addresses: readonly string[];
  readonly routes: readonly RouteState[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  /** Members are indexes into `interfaces`. */
  readonly bond?: { readonly members: readonly number[]; readonly parameters: Readonly<Record<string, string>> };
  /** The parent is an index into `interfaces`. */
  readonly vlan?: { readonly id: number; readonly parent: number };
}

export interface RouteState extends RouteConfig {
  /** The gateway lies outside every subnet of the interface, as on clouds that hand out /32 addresses. */
  readonly onLink?: boolean | undefined;
}
