import { asInteger, asObject, asTexts, type JsonObject } from "../initializer/json-values.ts";
import type { InterfaceState } from "../network-state.ts";
import { bareInterface, plain, readBoolean } from "./subnet.ts";

/** An interface whose relations to others still have the names of the document. */
export interface Draft extends InterfaceState {
  readonly bondOf?: readonly string[] | undefined;
  readonly bondParameters?: Readonly<Record<string, string>> | undefined;
  readonly bridgeOf?: readonly string[] | undefined;
  readonly bridgeParameters?: Readonly<Record<string, unknown>> | undefined;
  readonly vlanOf?: { readonly id: number; readonly link: string } | undefined;
}

/** Names become indexes. What is named but not declared gets an entry at the end: a card of that name. */
export function resolveDrafts(drafts: readonly Draft[]): InterfaceState[] {
  const indexes = new Map<string, number>();
  const set = (name: string | undefined, index: number) => {
    if (name !== undefined && !indexes.has(name)) indexes.set(name, index);
  };
  for (const [index, { id }] of drafts.entries()) set(id, index);
  for (const [index, { name }] of drafts.entries()) set(name, index);
  const added: InterfaceState[] = [];
  const indexOf = (name: string): number => {
    if (!indexes.has(name)) {
      indexes.set(name, drafts.length + added.length);
      added.push({ ...bareInterface, kind: "physical", name, isPlaceholder: true });
    }
    return indexes.get(name) as number;
  };
  const declared = drafts.map(({ bondOf, bondParameters, bridgeOf, bridgeParameters, vlanOf, ...state }) => ({
    ...state,
    ...(bondOf && { bond: { members: bondOf.map(indexOf), parameters: bondParameters ?? {} } }),
    ...(bridgeOf && { bridge: { ports: bridgeOf.map(indexOf), parameters: bridgeParameters ?? {} } }),
    ...(vlanOf && { vlan: { id: vlanOf.id, parent: indexOf(vlanOf.link) } }),
  }));
  return [...declared, ...added];
}

/** Netplan's names of bond parameters, where they are not the kernel's with dashes. */
const bondNames: Readonly<Record<string, string>> = {
  mii_monitor_interval: "miimon",
  transmit_hash_policy: "xmit_hash_policy",
  all_members_active: "all_slaves_active",
  arp_ip_targets: "arp_ip_target",
  up_delay: "updelay",
  down_delay: "downdelay",
  fail_over_mac_policy: "fail_over_mac",
  gratuitous_arp: "num_grat_arp",
  // Netplan itself once misspelt it so.
  gratuitious_arp: "num_grat_arp",
  packets_per_member: "packets_per_slave",
  primary_reselect_policy: "primary_reselect",
  learn_packet_interval: "lp_interval",
};

/** The kernel's (Documentation/networking/bonding.rst). */
const bondParameterNames =
  /^(mode|miimon|min_links|(up|down|peer_notif_)delay|xmit_hash_policy|ad_(select|actor_(sys_prio|system|key)|user_port_key)|lacp_(rate|active)|all_slaves_active|arp_(interval|ip_target|validate|all_targets|missed_max)|ns_ip6_target|fail_over_mac|num_(grat_arp|unsol_na)|packets_per_slave|primary|primary_reselect|active_slave|lp_interval|resend_igmp|tlb_dynamic_lb|use_carrier)$/;

/** Parameters of either version, under the kernel's names. Times may have a unit; the kernel wants milliseconds, only `lp_interval` is in seconds. */
export function readBondParameters(source: JsonObject, what: string, problems: string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [key, value] of Object.entries(source)) {
    const plain = key.replace(/^bond[-_]/, "").replaceAll("-", "_");
    const name = Object.hasOwn(bondNames, plain) ? (bondNames[plain] as string) : plain;
    const text = parameterText(value);
    if (text === undefined) continue;
    if (!bondParameterNames.test(name)) problems.push(`${what} has an unknown parameter: ${key}`);
    else parameters[name] = inUnit(name, text);
  }
  return parameters;
}

function parameterText(value: unknown): string | undefined {
  if (Array.isArray(value)) return asTexts(value).join(",");
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : undefined;
}

function inUnit(name: string, text: string): string {
  const [, number, unit] = /^(\d+)(ms|s)$/.exec(text) ?? [];
  if (number === undefined) return text;
  const milliseconds = Number(number) * (unit === "s" ? 1000 : 1);
  return String(name === "lp_interval" ? Math.ceil(milliseconds / 1000) : milliseconds);
}

const bridgeNames: Readonly<Record<string, string>> = {
  "ageing-time": "ageing",
  priority: "bridgeprio",
  "forward-delay": "fd",
  "hello-time": "hello",
  "max-age": "maxage",
  "path-cost": "pathcost",
  "port-priority": "portprio",
};

/** Parameters of either version, under version 1's names; see InterfaceState. */
export function readBridgeParameters(source: JsonObject, what: string, problems: string[]): Record<string, unknown> {
  const parameters: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(source)) {
    const name = Object.hasOwn(bridgeNames, key) ? (bridgeNames[key] as string) : key.replace(/^bridge[-_]/, "");
    if (value === null || value === undefined || name === "ports") continue;
    const read =
      name === "stp"
        ? readBoolean(value)
        : /^(pathcost|portprio|waitport)$/.test(name)
          ? byPort(value)
          : /^(ageing|bridgeprio|fd|gcint|hello|maxage|maxwait)$/.test(name)
            ? wholeNumber(value)
            : undefined;
    if (read === undefined) problems.push(`${what} has a bad or unknown parameter: ${key}`);
    else parameters[name] = read;
  }
  return parameters;
}

function wholeNumber(value: unknown): number | undefined {
  return asInteger(typeof value === "string" ? value.replace(/s$/, "") : value, 0, 2 ** 31);
}

/** Version 2 has a mapping, version 1 `port number` (and for `waitport` the number first), once or as a list. */
function byPort(value: unknown): Record<string, number> {
  const pairs: [string, unknown][] = Object.entries(
    asObject(value) ??
      Object.fromEntries(
        (Array.isArray(value) ? value : [value]).map((item) => {
          const [first = "", second = ""] = plain(item).trim().split(/\s+/);
          return /^\d+$/.test(second) ? [first, second] : [second, first];
        }),
      ),
  );
  return Object.fromEntries(
    pairs.flatMap(([port, item]) => {
      const number = asInteger(item, 0, 2 ** 31);
      return number === undefined ? [] : [[port, number] as const];
    }),
  );
}
