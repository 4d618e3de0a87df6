import type { InterfaceState, NetworkState } from "../network-state.ts";
import { type DhcpClient, dhcpClients, metricOf } from "./dhcp-plan.ts";
import { addressSteps, linkSteps } from "./link-steps.ts";
import type { FirstCards, Nic } from "./nics.ts";
import { type LateStep, planRoutes } from "./plan-routes.ts";
import { macSteps, movesOf, renameSteps } from "./rename-steps.ts";
import { isCard, type NamedInterface, resolveNames } from "./resolve-names.ts";
import type { StackedSteps } from "./stacked-steps.ts";
import { ip, type Step } from "./steps.ts";

/** Commands and settings that make this machine's network what a document says. Pure data: tests look at it, the guest obeys it. */
export interface NetworkPlan {
  /** In this order. */
  readonly steps: readonly Step[];
  /** Started when the steps are done. */
  readonly dhcp: readonly DhcpClient[];
  /** Done again whenever a card has got an address, which they may need. */
  readonly late: readonly LateStep[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly missing: readonly MissingCard[];
  readonly problems: readonly string[];
  /** What is done otherwise than the document says, though nothing is missing. */
  readonly notes: readonly string[];
  readonly interfaces: readonly NamedInterface[];
  /** What cards had that are called otherwise now, or have another MAC address. */
  readonly firstCards: FirstCards;
}

/** Of Ethernet. */
const usualMtu = 1500;

/** What the document wants and this machine lacks. */
export interface MissingCard {
  /** MAC address, name, or what else it is known by. */
  readonly what: string;
  /** Not something that is made of cards. */
  readonly isCard: boolean;
  /** It may come yet, and something depends on it. */
  readonly isAwaited: boolean;
  /** The document can do without. */
  readonly isOptional: boolean;
}

/** Whether it has bonds, bridges or VLANs, the code for which is read only then. */
export function isStacked({ interfaces }: NetworkState): boolean {
  return interfaces.some(({ bond, bridge, vlan }) => bond !== undefined || bridge !== undefined || vlan !== undefined);
}

/**
 * @param loopbackIsUp nothing has to be done for it then
 * @param stacked needed if the document is stacked
 */
export function planNetwork(
  network: NetworkState,
  nics: readonly Nic[],
  loopbackIsUp: boolean,
  stacked?: StackedSteps,
): NetworkPlan {
  const resolved = resolveNames(network, nics);
  const interfaces = resolved.present;
  const problems = [...resolved.problems];
  for (const { name, state } of interfaces)
    if (state.linkLocal?.includes(4)) problems.push(`${name}: link-local addresses of IPv4 are not supported`);
  const notes: string[] = [];
  const routes = planRoutes(network, interfaces, notes);
  const { steps: links, members } = planLinks(interfaces, stacked, problems);
  const asking = network.interfaces.filter(({ dhcp4, isManual }) => dhcp4 && isManual !== true).length;
  const moves = movesOf(interfaces, nics);
  const dressed = interfaces.filter(({ state }) => state.setMac !== undefined).map(({ currentName }) => currentName);
  return {
    steps: [
      ...(loopbackIsUp ? [] : [{ title: "start lo", shell: ip("link", "set", "lo", "up") }]),
      ...renameSteps(interfaces, nics),
      ...macSteps(interfaces, nics),
      ...links,
      ...interfaces.filter(({ name }) => !members.has(name)).flatMap(addressSteps),
      ...routes.steps,
    ],
    dhcp: dhcpClients(interfaces, asking, routes.hasDefault).filter(({ nic }) => !members.has(nic)),
    late: routes.late,
    nameservers: unique([...interfaces.flatMap(({ state }) => state.nameservers), ...network.nameservers]),
    search: unique([...interfaces.flatMap(({ state }) => state.search), ...network.search]),
    missing: resolved.missing.map(missingCard),
    problems,
    notes,
    interfaces,
    firstCards: Object.fromEntries(
      nics.flatMap(({ name, firstName, mac }) => {
        const isChanged = firstName !== undefined || moves.has(name) || dressed.includes(name);
        return isChanged ? [[moves.get(name) ?? name, { name: firstName ?? name, mac }]] : [];
      }),
    ),
  };
}

/** Links from the bottom to the top: what a bond, bridge or VLAN is made of comes before it. */
function planLinks(interfaces: readonly NamedInterface[], stacked: StackedSteps | undefined, problems: string[]) {
  const steps: Step[] = [];
  const members = new Map<string, string>();
  const byIndex = new Map<number, NamedInterface[]>();
  for (const one of interfaces) byIndex.set(one.index, [...(byIndex.get(one.index) ?? []), one]);
  const at = (indexes: readonly number[] | undefined) => (indexes ?? []).flatMap((index) => byIndex.get(index) ?? []);
  for (const { name, state } of interfaces)
    for (const member of at(state.bond?.members)) {
      const other = members.get(member.name);
      if (other === undefined) members.set(member.name, name);
      else problems.push(`${member.name} cannot be in ${name}: it is in ${other}`);
      if (member.state.addresses.length > 0 || member.state.dhcp4 || member.state.dhcp6 !== undefined)
        problems.push(`${member.name} is in ${name} and cannot have addresses of its own`);
    }
  const routerMetrics = planRouterMetrics(interfaces);
  const mtus = planMtus(interfaces);
  const done = new Set<NamedInterface>();
  const visit = (one: NamedInterface) => {
    if (done.has(one)) return;
    done.add(one);
    const { name, state } = one;
    const ofBond = at(state.bond?.members).filter((member) => members.get(member.name) === name && member !== one);
    const ports = at(state.bridge?.ports).filter((port) => port !== one);
    const parent = at(state.vlan === undefined ? [] : [state.vlan.parent])[0];
    for (const below of [...ofBond, ...ports, ...(parent === undefined ? [] : [parent])]) visit(below);
    if (stacked !== undefined) {
      if (state.bond !== undefined) steps.push(...stacked.bondSteps(one, ofBond, problems));
      if (state.bridge !== undefined) steps.push(...stacked.bridgeSteps(one, ports, problems));
      if (state.vlan !== undefined && parent !== undefined) steps.push(...stacked.vlanSteps(one, parent));
    }
    const settings = {
      isMember: members.has(name),
      routerMetric: routerMetrics.get(name),
      mtu: mtus.get(one.index),
    };
    if (state.kind !== "loopback") steps.push(...linkSteps(one, settings));
    if (stacked !== undefined) steps.push(...stacked.activeMemberSteps(one, ofBond));
  };
  for (const one of interfaces) visit(one);
  return { steps, members };
}

/** What a VLAN is on must take packets as large as the VLAN's own; where the document does not say how large they are there, they are. By index. */
function planMtus(interfaces: readonly NamedInterface[]): Map<number, number> {
  const mtus = new Map<number, number>();
  for (const { index, state } of interfaces) {
    const own = state.subnetMtu ?? state.mtu;
    if (own !== undefined) mtus.set(index, own);
  }
  const said = new Set(mtus.keys());
  for (const { index, state } of interfaces) {
    const own = state.subnetMtu ?? state.mtu ?? 0;
    if (own <= usualMtu) continue;
    const above = new Set([index]);
    const byIndex = (wanted: number | undefined) => interfaces.find((one) => one.index === wanted);
    for (let below = byIndex(state.vlan?.parent); below !== undefined && !above.has(below.index); ) {
      above.add(below.index);
      if (said.has(below.index)) break;
      mtus.set(below.index, Math.max(own, mtus.get(below.index) ?? 0));
      below = byIndex(below.state.vlan?.parent);
    }
  }
  return mtus;
}

/** If several cards get their routes from routers, the first in the document is preferred, as with DHCP. */
function planRouterMetrics(interfaces: readonly NamedInterface[]): Map<string, number> {
  const asking = interfaces.filter(({ state }) => state.slaac || state.dhcp6 !== undefined);
  return new Map(
    asking.flatMap(({ name, state }, index) => {
      const metric = metricOf(state.dhcp6Overrides) ?? (index === 0 ? undefined : 1024 + index * 100);
      return metric === undefined ? [] : [[name, metric] as const];
    }),
  );
}

function missingCard(state: InterfaceState): MissingCard {
  const { mac, name, id, match, kind } = state;
  const what =
    (isCard(state) ? mac : undefined) ?? name ?? id ?? match?.names?.join(" ") ?? match?.drivers?.join(" ") ?? kind;
  const isOptional = state.isOptional === true;
  const isAwaited = isCard(state) && !isOptional && state.isPlaceholder !== true;
  return { what, isCard: isCard(state), isOptional, isAwaited };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
