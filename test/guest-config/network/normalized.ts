import { asObject, type JsonObject } from "../../../src/guest-config/initializer/json-values.ts";
import { contains, formatIp, formatPrefix, networkOf, parseIp, parsePrefix } from "../../../src/guest-config/ip.ts";
import type { InterfaceState, NetworkState, RouteState } from "../../../src/guest-config/network-state.ts";

/**
 * A network state in the shape in which cloud-init's results are recorded (`expected_normalized`, see the README beside the cases), and the recorded ones in one notation: addresses canonical,
 * what is not said left out, sorted where order means nothing. Runs in QuickJS too.
 */
export interface Normalized {
  readonly interfaces: Readonly<Record<string, JsonObject>>;
  readonly routes: readonly JsonObject[];
  readonly dns: { readonly nameservers: readonly string[]; readonly search: readonly string[] };
  readonly effective: Effective;
}

/** What a running guest should show: default routes among the others, all DNS together. */
export interface Effective {
  readonly interfaces: Readonly<
    Record<string, { readonly addresses: readonly string[]; readonly routes: readonly JsonObject[]; bond?: unknown }>
  >;
  readonly unassigned_routes: readonly JsonObject[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

/** @param nameOfMac this machine's cards */
export function interfaceNames(
  network: NetworkState,
  nameOfMac: Readonly<Record<string, string>>,
): (string | undefined)[] {
  let bonds = 0;
  const names = network.interfaces.map(({ kind, name, mac, id }) => {
    if (name !== undefined) return name;
    if (kind === "bond") return `bond${bonds++}`;
    if (kind === "vlan") return undefined;
    return (mac === undefined ? undefined : nameOfMac[mac]) ?? id;
  });
  for (let round = 0; round < names.length; round++)
    for (const [index, { vlan }] of network.interfaces.entries())
      if (vlan !== undefined && names[vlan.parent] !== undefined) names[index] ??= `${names[vlan.parent]}.${vlan.id}`;
  return names;
}

/** Interfaces without a name, since their card is missing, are left out. */
export function normalized(network: NetworkState, nameOfMac: Readonly<Record<string, string>>): Normalized {
  const names = interfaceNames(network, nameOfMac);
  const masters = new Map<number, string | undefined>();
  const used = new Set<number>();
  for (const [index, { bond, bridge }] of network.interfaces.entries()) {
    for (const member of bond?.members ?? []) masters.set(member, names[index]);
    for (const port of [...(bond?.members ?? []), ...(bridge?.ports ?? [])]) used.add(port);
  }
  const shown = network.interfaces.map((state, index) => {
    const name = names[index];
    // What is only named below a VLAN is not recorded.
    if (name === undefined || (state.isPlaceholder === true && !used.has(index))) return [];
    const bondMaster = masters.get(index);
    return [[name, oneInterface(name, state, names, bondMaster), effectiveOf(state, names)] as const];
  });
  const pairs = shown.flat();
  const { attached, unassigned } = attach(network);
  return {
    interfaces: Object.fromEntries(pairs.map(([name, item]) => [name, item])),
    routes: sorted((network.routes ?? []).map(shownRoute)),
    dns: { nameservers: network.nameservers, search: network.search },
    effective: {
      interfaces: Object.fromEntries(
        pairs.map(([name, , item]) => {
          const more = attached.get(names.indexOf(name)) ?? [];
          return [name, { ...item, routes: sorted([...item.routes, ...more.map(shownRoute)]) }];
        }),
      ),
      unassigned_routes: sorted(unassigned.map(shownRoute)),
      nameservers: unique([
        ...network.interfaces.flatMap(({ nameservers }) => nameservers),
        ...network.nameservers,
      ]).sort(),
      search: unique([...network.interfaces.flatMap(({ search }) => search), ...network.search]).sort(),
    },
  };
}

function oneInterface(
  name: string,
  state: InterfaceState,
  names: readonly (string | undefined)[],
  bondMaster: string | undefined,
): JsonObject {
  const gateways = state.routes.filter(({ isGateway }) => isGateway === true);
  const routes = state.routes.filter(({ isGateway }) => isGateway !== true);
  const { match, bond, bridge, vlan } = state;
  const isFound = state.kind === "physical" || state.kind === "infiniband";
  return pruned({
    type: state.kind,
    mac: state.mac,
    mtu: state.mtu,
    subnet_mtu: pruned({ 4: state.subnetMtu, 6: state.subnetMtu6 }),
    dhcp4: state.dhcp4,
    dhcp6: state.dhcp6 === "stateful",
    slaac: state.slaac,
    dhcp6_stateless: state.dhcp6 === "stateless",
    accept_ra: state.acceptRa,
    addresses: state.addresses,
    gateways: sorted(
      gateways.map(({ via, metric, onLink }) =>
        pruned({ via, family: via?.includes(":") ? 6 : 4, metric, onlink: onLink }),
      ),
    ),
    routes: sorted(
      routes.map((route) => ({ ...shownRoute(route), ...pruned({ inherited_metric: route.inheritedMetric }) })),
    ),
    dns: { nameservers: state.nameservers, search: state.search },
    config_id: state.id === name ? undefined : state.id,
    match: isFound
      ? pruned({ macaddress: state.mac, name: match?.names?.join(" "), driver: match?.drivers?.join(" ") })
      : undefined,
    wakeonlan: state.wakeOnLan,
    optional: state.isOptional,
    control: state.isManual,
    dhcp4_overrides: state.dhcp4Overrides,
    dhcp6_overrides: state.dhcp6Overrides,
    bond_master: bondMaster,
    placeholder: state.isPlaceholder === true && bondMaster !== undefined ? true : undefined,
    bond: bond && { members: bond.members.map((index) => names[index]), params: bond.parameters },
    bridge: bridge && { ports: bridge.ports.map((index) => names[index]), params: texts(bridge.parameters) },
    vlan: vlan && { id: vlan.id, link: names[vlan.parent] },
  });
}

function effectiveOf(state: InterfaceState, names: readonly (string | undefined)[]) {
  const { bond } = state;
  return {
    addresses: [...state.addresses].sort(),
    routes: state.routes.map((route) => shownRoute({ ...route, metric: route.metric ?? route.inheritedMetric })),
    ...(bond && { bond: { members: bond.members.map((index) => names[index]), params: bond.parameters } }),
  };
}

/** Whether a plain route needs `onlink` is not recorded. */
function shownRoute({ to, via, metric, table, mtu, onLink, isGateway }: RouteState): JsonObject {
  return pruned({ to, via, metric, table, mtu, onlink: isGateway === true ? onLink : undefined });
}

/** A route of no interface belongs to the first that reaches its gateway. */
function attach(network: NetworkState) {
  const attached = new Map<number, RouteState[]>();
  const unassigned: RouteState[] = [];
  for (const route of network.routes ?? []) {
    const via = route.via === undefined ? undefined : parseIp(route.via);
    const index = network.interfaces.findIndex(({ addresses }) =>
      addresses.some((text) => {
        const subnet = parsePrefix(text);
        return subnet !== undefined && via !== undefined && contains(subnet, via);
      }),
    );
    if (index < 0) unassigned.push(route);
    else attached.set(index, [...(attached.get(index) ?? []), route]);
  }
  return { attached, unassigned };
}

/** A recorded result in the same notation. */
export function recordedNormalized(recorded: JsonObject): Normalized {
  const effective = recorded["effective"] as Effective;
  const bonds = effective.interfaces;
  const all = recorded["interfaces"] as Record<string, Record<string, unknown>>;
  const nameOfId = new Map(Object.entries(all).map(([name, item]) => [String(item["config_id"] ?? name), name]));
  const named = (id: string) => nameOfId.get(id) ?? id;
  const interfaces = Object.entries(all).map(([name, item]) => {
    const match = asObject(item["match"]);
    const bridge = item["bridge"] as { ports: string[]; params: JsonObject } | undefined;
    const vlan = item["vlan"] as { id: unknown; link: string } | undefined;
    const dns = item["dns"] as { nameservers: string[]; search: string[] };
    const isNetplan = item["dhcp4_overrides"] !== undefined || match !== undefined;
    const { set_name, match_driver, dhcp4_route_metric, dhcp6_route_metric, ...rest } = item;
    const metric = (value: unknown): JsonObject | undefined =>
      value === undefined || isNetplan ? undefined : { "route-metric": value };
    return [
      name,
      pruned({
        // Version 1 has no `match`: there, the MAC address is what a card is found by.
        match:
          item["mac"] === null || !/physical|infiniband/.test(String(item["type"]))
            ? undefined
            : { macaddress: colons(item["mac"]) },
        ...rest,
        mac: item["mac"] === null ? undefined : colons(item["mac"]),
        dhcp4_overrides: item["dhcp4_overrides"] ?? metric(dhcp4_route_metric),
        dhcp6_overrides: item["dhcp6_overrides"] ?? metric(dhcp6_route_metric),
        addresses: (item["addresses"] as string[]).map(cidr),
        gateways: sorted((item["gateways"] as JsonObject[]).map((entry) => ({ ...entry, via: ip(entry["via"]) }))),
        routes: sorted((item["routes"] as JsonObject[]).map(recordedRoute)),
        dns: { nameservers: dns.nameservers.map(ip), search: dns.search },
        control: (item["control"] as string[] | undefined)?.includes("manual"),
        ...(match === undefined
          ? {}
          : {
              match: {
                ...match,
                ...(match["macaddress"] === undefined ? {} : { macaddress: colons(match["macaddress"]) }),
              },
            }),
        ...(item["bond"] === undefined ? {} : { bond: recordedBond(bonds[name]?.bond ?? item["bond"]) }),
        ...(bridge === undefined ? {} : { bridge: { ports: bridge.ports.map(named), params: texts(bridge.params) } }),
        ...(vlan === undefined ? {} : { vlan: { id: vlan.id, link: named(vlan.link) } }),
      }),
    ] as const;
  });
  const dns = recorded["dns"] as { nameservers: string[]; search: string[] };
  return {
    interfaces: Object.fromEntries(interfaces),
    routes: sorted((recorded["routes"] as JsonObject[]).map(recordedRoute)),
    dns: { nameservers: dns.nameservers.map(ip), search: dns.search },
    effective: recordedEffective(effective),
  };
}

/** `effective` of a recorded result, in the same notation. */
function recordedEffective(effective: Effective): Effective {
  return {
    interfaces: Object.fromEntries(
      Object.entries(effective.interfaces).map(([name, item]) => [
        name,
        {
          addresses: item.addresses.map(cidr).sort(),
          routes: sorted(item.routes.map(recordedRoute)),
          ...(item.bond === undefined ? {} : { bond: recordedBond(item.bond) }),
        },
      ]),
    ),
    unassigned_routes: sorted(effective.unassigned_routes.map(recordedRoute)),
    nameservers: unique(effective.nameservers.map(ip)).sort(),
    search: unique(effective.search).sort(),
  };
}

function recordedRoute(route: JsonObject): JsonObject {
  const prefix = parsePrefix(String(route["to"]));
  const via = route["via"] === undefined ? undefined : ip(route["via"]);
  return pruned({
    ...route,
    to: prefix === undefined ? route["to"] : formatPrefix(networkOf(prefix)),
    via: via === "0.0.0.0" || via === "::" ? undefined : via,
  });
}

function recordedBond(bond: unknown): unknown {
  const { members, params } = bond as { members: string[]; params: JsonObject };
  return { members, params: texts(params ?? {}) };
}

function colons(mac: unknown): string {
  return String(mac).toLowerCase().replaceAll("-", ":");
}

/** Of parameters: all as text, switches as 1 and 0, lists of `port number` as mappings. */
function texts(params: JsonObject): JsonObject {
  const text = (value: unknown): unknown => {
    if (Array.isArray(value))
      return Object.fromEntries(
        value.map((item) => {
          const [a = "", b = ""] = String(item).split(" ");
          return /^\d+$/.test(a) ? [b, a] : [a, b];
        }),
      );
    if (typeof value === "boolean") return value ? "1" : "0";
    return typeof value === "object" && value !== null ? texts(value as JsonObject) : String(value);
  };
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, text(value)]));
}

/** Without null, undefined, and objects that say nothing. */
function pruned(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(([key, value]) => {
      const inner = asObject(value);
      const isEmpty = inner !== undefined && Object.keys(inner).length === 0 && /^(subnet_mtu|match)$/.test(key);
      return value !== undefined && value !== null && !isEmpty;
    }),
  );
}

/** And none twice. */
function sorted(list: readonly JsonObject[]): JsonObject[] {
  const text = (item: JsonObject) => JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  const first = new Map(list.map((item) => [text(item), item]));
  return [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

function ip(text: unknown): string {
  const address = parseIp(String(text));
  return address === undefined ? String(text) : formatIp(address);
}

function cidr(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
