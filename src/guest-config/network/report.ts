import type { Host } from "../initializer/host.ts";
import { leasedAddresses } from "./dhcp.ts";
import { advertisedAddresses } from "./kernel-addresses.ts";
import type { NetworkPlan } from "./network-plan.ts";
import type { NamedInterface } from "./resolve-names.ts";

export interface NicReport {
  readonly name: string;
  readonly mac: string;
  /** How it gets its addresses: `static`, `dhcp`, `dhcp6`, `slaac`, several joined by `+`; `up` if it needs none. */
  readonly method: string;
  readonly addresses: readonly string[];
}

export function reportNic(host: Host, { name, state }: NamedInterface): NicReport {
  const leased6 = state.dhcp6 === undefined ? [] : (leasedAddresses(host, name, 6) ?? []);
  // What nobody waits for is told when it is there.
  const asks6 = state.dhcp6 !== undefined && (state.dhcp6Overrides?.["optional"] !== true || leased6.length > 0);
  const heeds = state.slaac || asks6 || state.acceptRa === true;
  const ways = [
    ...(state.addresses.length > 0 ? ["static"] : []),
    ...(state.dhcp4 ? ["dhcp"] : []),
    ...(asks6 ? ["dhcp6"] : []),
    ...(state.slaac ? ["slaac"] : []),
  ];
  const addresses = [
    ...state.addresses,
    ...(state.dhcp4 ? (leasedAddresses(host, name, 4) ?? []) : []),
    ...leased6,
    ...(heeds ? advertisedAddresses(host, name) : []),
  ];
  const mac = host.readText(`/sys/class/net/${name}/address`)?.trim() ?? state.mac ?? "";
  return { name, mac, method: ways.join("+") || "up", addresses: [...new Set(addresses)] };
}

/** Of whom an interface that is waited for has heard nothing. */
export function missingAnswers(host: Host, plan: NetworkPlan): { readonly nic: string; readonly who: string }[] {
  return plan.interfaces.flatMap(({ name: nic, state }) => {
    const isSilent = (family: 4 | 6) =>
      plan.dhcp.some((one) => one.nic === nic && one.family === family && !one.isOptional) &&
      leasedAddresses(host, nic, family) === undefined;
    return [
      ...(isSilent(4) ? [{ nic, who: "DHCP server" }] : []),
      ...(isSilent(6) ? [{ nic, who: "DHCPv6 server" }] : []),
      ...(lacksPrefix(host, { name: nic, state }) ? [{ nic, who: "router" }] : []),
    ];
  });
}

/** Waits for a router's prefix to make an address of. */
export function lacksPrefix(host: Host, { name, state }: Pick<NamedInterface, "name" | "state">): boolean {
  const isAwaited = state.slaac && state.isOptional !== true && state.isManual !== true;
  return isAwaited && advertisedAddresses(host, name).length === 0;
}
