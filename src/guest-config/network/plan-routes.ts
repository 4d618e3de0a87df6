import { contains, type IpPrefix, parseIp, parsePrefix } from "../ip.ts";
import type { InterfaceState, NetworkState, RouteState, RuleState } from "../network-state.ts";
import type { NamedInterface } from "./resolve-names.ts";
import { ip, type Step } from "./steps.ts";

/** A route that may be refused until a DHCP server or a router has given the card an address. */
export interface LateStep extends Step {
  readonly nic: string;
}

export interface RoutePlan {
  readonly steps: readonly Step[];
  readonly late: readonly LateStep[];
  /** Whether a default route of IPv4 has this metric. */
  hasDefault(metric: number): boolean;
}

interface Entry {
  /** Undefined for routes that have no card: unreachable ones, and those that go where their gateway is. */
  readonly nic?: NamedInterface | undefined;
  readonly route: RouteState;
  readonly metric: number;
}

/** The main table, which the kernel takes if none is named (RT_TABLE_MAIN of linux/rtnetlink.h). */
const mainTable = 254;
/** So many routes to one destination are a mistake, and the last of them are left out. */
const mostAlike = 50;
/** Where the kernel puts rules without a priority is next to the last ones, each before its predecessor; ours keep the order of the document. */
const firstPriority = 32000;

/** Routes and rules, to be set when all cards have their addresses. */
export function planRoutes(network: NetworkState, interfaces: readonly NamedInterface[], notes: string[]): RoutePlan {
  const subnets = new Map(interfaces.map(({ name, state }) => [name, reachable(state)]));
  const taken = new Map<string, Entry>();
  const add = (nic: NamedInterface | undefined, route: RouteState) => {
    // IPv6 takes 0 for its default.
    const wanted = (route.metric ?? route.inheritedMetric) || plainMetric(route.to);
    const key = (metric: number) => `${route.to} ${route.table ?? mainTable} ${metric}`;
    // Linux keeps one route to a destination for each metric; a second one would be refused, so it gets the next metric.
    let metric = wanted;
    for (let other = taken.get(key(metric)); other !== undefined; other = taken.get(key(++metric))) {
      if (other.nic?.name === nic?.name && other.route.via === route.via) return;
      if (metric > wanted + mostAlike) return;
    }
    if (metric !== wanted)
      notes.push(
        `${nic?.name ?? "route"}: route to ${route.to} via ${route.via}: the metric is taken, so it gets ${metric}`,
      );
    taken.set(key(metric), { nic, route, metric });
  };
  for (const nic of interfaces) for (const route of nic.state.routes) add(nic, route);
  for (const route of network.routes ?? [])
    add(
      interfaces.find(({ name }) => leadsTo(subnets.get(name) ?? [], route.via)),
      route,
    );

  const steps: Step[] = [];
  const late: LateStep[] = [];
  const all = [...subnets.values()].flat();
  for (const { nic, route, metric } of [...taken.values()].sort((a, b) => rank(b.route) - rank(a.route))) {
    const isLate = waitsForAddress(nic, route, all, interfaces);
    const isAstray = nic !== undefined && route.via !== undefined && !isLate && !isLinkLocal(route.via);
    const step = routeStep(nic, route, metric, route.onLink === true || (isAstray && !leadsTo(all, route.via)));
    if (isLate) late.push({ ...step, nic: nic?.name ?? "" });
    else steps.push(step);
  }
  const rules = interfaces.flatMap(({ state }) => state.rules ?? []);
  return {
    steps: [...steps, ...rules.map((rule, index) => ruleStep(rule, index))],
    late,
    hasDefault: (metric) => taken.has(`0.0.0.0/0 ${mainTable} ${metric}`),
  };
}

function plainMetric(to: string): number {
  return to.includes(":") ? 1024 : 0;
}

/** What other routes lead over comes first: destinations on the wire, then the narrower ones. */
function rank({ to, via }: RouteState): number {
  return (via === undefined ? 1000 : 0) + Number(to.split("/")[1] ?? 0);
}

/** Where the card's own addresses and its routes without a gateway lead. */
function reachable({ addresses, routes }: InterfaceState): IpPrefix[] {
  const direct = routes.filter(
    ({ via, table, type }) => via === undefined && table === undefined && type === undefined,
  );
  return [...addresses, ...direct.map(({ to }) => to)].flatMap((text) => parsePrefix(text) ?? []);
}

function leadsTo(prefixes: readonly IpPrefix[], via: string | undefined): boolean {
  const address = via === undefined ? undefined : parseIp(via);
  return address !== undefined && prefixes.some((prefix) => prefix.length > 0 && contains(prefix, address));
}

function isLinkLocal(via: string): boolean {
  return /^fe[89ab]/i.test(via);
}

function waitsForAddress(
  nic: NamedInterface | undefined,
  { to, via, onLink, from }: RouteState,
  known: readonly IpPrefix[],
  interfaces: readonly NamedInterface[],
): boolean {
  const isV6 = (via ?? to).includes(":");
  const asks = ({ state }: NamedInterface) =>
    isV6 ? state.slaac || state.dhcp6 !== undefined : state.dhcp4 && state.isManual !== true;
  if (nic === undefined) return via !== undefined && interfaces.some(asks);
  if (!asks(nic)) return false;
  if (from !== undefined && !nic.state.addresses.some((address) => address.split("/")[0] === from)) return true;
  return via !== undefined && onLink !== true && !isLinkLocal(via) && !leadsTo(known, via);
}

function routeStep(nic: NamedInterface | undefined, route: RouteState, metric: number, onLink: boolean): Step {
  const { to, via, table, mtu, type, scope, from } = route;
  const isPlain = type === undefined || type === "unicast";
  const needsCard = isPlain || type === "local";
  const list = [
    ...(isPlain ? [] : [type]),
    to,
    ...(via === undefined || !isPlain ? [] : ["via", via]),
    ...(nic === undefined || !needsCard ? [] : ["dev", nic.name]),
    ...(metric === plainMetric(to) ? [] : ["metric", String(metric)]),
    ...(table === undefined ? [] : ["table", String(table)]),
    ...(mtu === undefined ? [] : ["mtu", String(mtu)]),
    ...(scope === undefined || to.includes(":") ? [] : ["scope", scope]),
    ...(from === undefined ? [] : ["src", from]),
    ...(onLink && isPlain && via !== undefined ? ["onlink"] : []),
  ];
  return {
    title: `route ${list.join(" ")}`,
    shell: ip("route", "add", ...list),
    undo: ip("route", "del", ...list),
  };
}

function ruleStep({ from, to, table, priority, mark, tos }: RuleState, index: number): Step {
  const family = (from ?? to ?? "").includes(":") ? ["-6"] : [];
  const list = [
    ...(from === undefined ? [] : ["from", from]),
    ...(to === undefined ? [] : ["to", to]),
    ...(mark === undefined ? [] : ["fwmark", String(mark)]),
    ...(tos === undefined ? [] : ["tos", String(tos)]),
    ...["table", String(table ?? mainTable), "priority", String(priority ?? firstPriority + index)],
  ];
  return {
    title: `rule ${list.join(" ")}`,
    shell: ip(...family, "rule", "add", ...list),
    undo: ip(...family, "rule", "del", ...list),
  };
}
