import { quote } from "../initializer/processes.ts";
import type { NetworkState, RouteState } from "../network-state.ts";
import type { Nic } from "./nics.ts";
import { type NamedInterface, resolveNames } from "./resolve-names.ts";

/** Commands and settings that make this machine's network what a document says. Pure data: tests look at it, the guest obeys it. */
export interface NetworkPlan {
  /** In this order. */
  readonly steps: readonly Step[];
  /** Started when the steps are done. */
  readonly dhcp: readonly DhcpClient[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  /** MAC addresses, or names, of what the document wants and this machine lacks. */
  readonly missing: readonly string[];
  readonly problems: readonly string[];
  readonly interfaces: readonly NamedInterface[];
}

export interface Step {
  /** For people: `add 192.0.2.7/24 to eth1`. */
  readonly title: string;
  /** A line of sh. */
  readonly shell: string;
}

export interface DhcpClient {
  readonly nic: string;
  /** Of the routes it gets. */
  readonly metric: number;
  /** The document sets the MTU, so the server's is not heeded. */
  readonly keepsMtu: boolean;
}

/** @param loopbackIsUp nothing has to be done for it then */
export function planNetwork(network: NetworkState, nics: readonly Nic[], loopbackIsUp: boolean): NetworkPlan {
  const nameOfMac = new Map(nics.map(({ mac, name }) => [mac, name]));
  const resolved = resolveNames(network, nameOfMac);
  const interfaces = [...resolved.present.values()];
  const problems: string[] = [];
  const lines = new RouteTable(problems);
  const addressSteps = interfaces.flatMap(({ name, state }) =>
    state.addresses.map((address) => ({
      title: `give ${name} ${address}`,
      shell: ip("addr", "add", address, ...(address.includes(":") ? [] : ["broadcast", "+"]), "dev", name),
    })),
  );
  for (const { name, state } of interfaces) for (const route of state.routes) lines.add(name, route);
  for (const { name, state } of interfaces) {
    if (state.kind === "bond") problems.push(`${name}: bonds are not supported yet`);
    if (state.dhcp6 !== undefined)
      problems.push(`${name}: DHCPv6 is not supported yet, router advertisements are used`);
  }
  return {
    steps: [
      ...(loopbackIsUp ? [] : [{ title: "start lo", shell: ip("link", "set", "lo", "up") }]),
      ...renames(interfaces, nics),
      ...interfaces.filter(({ state }) => state.kind === "physical").flatMap(linkSteps),
      ...interfaces.filter(({ state }) => state.kind === "vlan").flatMap((vlan) => vlanSteps(vlan, resolved.present)),
      ...addressSteps,
      ...lines.steps(),
    ],
    dhcp: dhcpClients(interfaces, lines),
    nameservers: unique([...interfaces.flatMap(({ state }) => state.nameservers), ...network.nameservers]),
    search: unique([...interfaces.flatMap(({ state }) => state.search), ...network.search]),
    missing: resolved.missing.map(({ mac, name, kind }) => mac ?? name ?? kind),
    problems,
    interfaces,
  };
}

function ip(...words: string[]): string {
  return ["ip", ...words].map(quote).join(" ");
}

function linkSteps({ name, state }: NamedInterface): Step[] {
  const settings = state.mtu === undefined ? [] : ["mtu", String(state.mtu)];
  return [
    ...advertisements(name, state.acceptRa),
    { title: `start ${name}`, shell: ip("link", "set", "dev", name, ...settings, "up") },
  ];
}

/** Before the link comes up, since the first advertisement is asked for then. A kernel without IPv6 has no such file, and needs none. */
function advertisements(name: string, accept: boolean | undefined): Step[] {
  if (accept === undefined) return [];
  const file = quote(`/proc/sys/net/ipv6/conf/${name}/accept_ra`);
  const verb = accept ? "heed" : "ignore";
  return [
    { title: `${verb} router advertisements on ${name}`, shell: `[ ! -e ${file} ] || echo ${accept ? 1 : 0} >${file}` },
  ];
}

function vlanSteps({ name, state }: NamedInterface, present: ReadonlyMap<number, NamedInterface>): Step[] {
  const parent = state.vlan && present.get(state.vlan.parent);
  if (state.vlan === undefined || parent === undefined) return [];
  const address = state.mac === undefined ? [] : ["address", state.mac];
  const create = ip("link", "add", "link", parent.name, "name", name, "type", "vlan", "id", String(state.vlan.id));
  const settings = [...address, ...(state.mtu === undefined ? [] : ["mtu", String(state.mtu)])];
  return [
    { title: `create ${name}`, shell: create },
    ...advertisements(name, state.acceptRa),
    { title: `start ${name}`, shell: ip("link", "set", "dev", name, ...settings, "up") },
  ];
}

/** A card must be down to be renamed; whoever holds the name goes out of the way first, so that two may swap. */
function renames(interfaces: readonly NamedInterface[], nics: readonly Nic[]): Step[] {
  const moves = interfaces.filter(({ name, currentName }) => currentName !== undefined && name !== currentName);
  const aside = new Set(moves.map(({ currentName }) => currentName as string));
  for (const { name } of moves) if (nics.some((nic) => nic.name === name)) aside.add(name);
  const temporary = new Map([...aside].map((name, index) => [name, `cirename${index}`]));
  const rename = (from: string, to: string): Step => ({
    title: `rename ${from} to ${to}`,
    shell: `${ip("link", "set", "dev", from, "down")} && ${ip("link", "set", "dev", from, "name", to)}`,
  });
  return [
    ...[...temporary].map(([from, to]) => rename(from, to)),
    ...moves.map(({ name, currentName }) => rename(temporary.get(currentName as string) as string, name)),
  ];
}

/** Linux keeps one route to a destination for each metric; a second one would be refused, so it gets the next metric. */
class RouteTable {
  readonly #taken = new Map<string, { nic: string; route: RouteState }>();
  readonly #problems: string[];

  constructor(problems: string[]) {
    this.#problems = problems;
  }

  add(nic: string, route: RouteState): void {
    let metric = route.metric ?? 0;
    while (this.#taken.has(`${route.to} ${metric}`)) {
      const other = this.#taken.get(`${route.to} ${metric}`);
      if (other?.nic === nic && other.route.via === route.via) return;
      metric++;
    }
    if (metric !== (route.metric ?? 0))
      this.#problems.push(`${nic}: route to ${route.to} via ${route.via}: the metric is taken, so it gets ${metric}`);
    this.#taken.set(`${route.to} ${metric}`, { nic, route: { ...route, metric: metric === 0 ? undefined : metric } });
  }

  hasDefault(metric: number): boolean {
    return this.#taken.has(`0.0.0.0/0 ${metric}`);
  }

  /** What other routes lead over comes first: destinations on the wire, then the narrower ones. */
  steps(): Step[] {
    const rank = ({ route }: { route: RouteState }) => {
      const length = Number(route.to.split("/")[1]);
      return (route.via === undefined ? 1000 : 0) + length;
    };
    const sorted = [...this.#taken.values()].sort((a, b) => rank(b) - rank(a));
    return sorted.map(({ nic, route }) => {
      const words = ["route", "add", route.to, ...(route.via === undefined ? [] : ["via", route.via]), "dev", nic];
      if (route.metric !== undefined) words.push("metric", String(route.metric));
      if (route.onLink === true) words.push("onlink");
      return { title: `route ${words.slice(2).join(" ")}`, shell: ip(...words) };
    });
  }
}

/**
 * One DHCP card among others gets plain routes, as it would alone. If there are several, or another default route is as good, the first in the document is preferred by metric.
 */
function dhcpClients(interfaces: readonly NamedInterface[], routes: RouteTable): DhcpClient[] {
  const clients = interfaces.filter(({ state }) => state.dhcp4);
  const isPlain = clients.length === 1 && !routes.hasDefault(0);
  let metric = isPlain ? 0 : 100;
  return clients.map(({ name, state }) => {
    while (routes.hasDefault(metric)) metric += 100;
    const client = { nic: name, metric, keepsMtu: state.mtu !== undefined };
    metric += 100;
    return client;
  });
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
