import type { NamedInterface } from "./resolve-names.ts";
import { ip, put, putIfThere, type Step, words } from "./steps.ts";

/** Nothing else sets wake-on-LAN; few images have it. */
export const ethtool = "/usr/sbin/ethtool";

/** What follows for a link from others. */
interface LinkSettings {
  /** Of a bond. */
  readonly isMember: boolean;
  /** Of the default routes that routers advertise; undefined: the kernel's own. */
  readonly routerMetric: number | undefined;
  readonly mtu: number | undefined;
}

/** What all kinds of interfaces have in common: settings that must be there before the first packet, then up. */
export function linkSteps({ name, state }: NamedInterface, { isMember, routerMetric, mtu }: LinkSettings): Step[] {
  const ipv6 = `/proc/sys/net/ipv6/conf/${name}`;
  const asksRouters = state.slaac || state.dhcp6 !== undefined;
  const set = (title: string, value: number, file: string, before?: number): Step => ({
    title,
    shell: putIfThere(value, file),
    undo: before === undefined ? undefined : putIfThere(before, file),
  });
  const steps: Step[] = [];
  // A kernel without IPv6 has none of these, and needs none.
  if (state.acceptRa === false && !asksRouters)
    steps.push({
      title: `ignore router advertisements on ${name}`,
      shell: words("ignore", name),
      undo: words("heed", name),
    });
  if (state.acceptRa === true || asksRouters)
    steps.push({ title: `heed router advertisements on ${name}`, shell: words("heed", name) });
  if (state.slaac) steps.push(set(`make addresses on ${name}`, 1, `${ipv6}/autoconf`));
  if (asksRouters) {
    steps.push(set(`ask routers of ${name} at once`, 0, `${ipv6}/router_solicitation_delay`));
    if (routerMetric !== undefined)
      steps.push(set(`prefer routers of ${name} by ${routerMetric}`, routerMetric, `${ipv6}/ra_defrtr_metric`));
    if (isNo(state.dhcp6Overrides?.["use-routes"]))
      steps.push(set(`ignore routers on ${name}`, 0, `${ipv6}/accept_ra_defrtr`, 1));
  }
  if (state.linkLocal !== undefined && !state.linkLocal.includes(6))
    steps.push(set(`leave ${name} without link-local address`, 1, `${ipv6}/addr_gen_mode`, 0));
  // An address that the kernel still looks for on the wire cannot be a route's source, so there it does not look.
  if (state.routes.some(({ from }) => from?.includes(":")))
    steps.push(set(`use addresses of ${name} at once`, 0, `${ipv6}/accept_dad`));
  if (mtu !== undefined)
    steps.push({ title: `set the MTU of ${name} to ${mtu}`, shell: put(mtu, `/sys/class/net/${name}/mtu`) });
  if (state.wakeOnLan === true)
    steps.push({
      title: `set wake-on-LAN of ${name}`,
      shell: `[ ! -x ${ethtool} ] || ${words(ethtool, "-s", name, "wol", "g")}`,
    });
  // The bond brings its members up.
  if (!isMember) steps.push({ title: `start ${name}`, shell: words("up", name) });
  if (state.subnetMtu6 !== undefined)
    steps.push(set(`set the MTU of IPv6 on ${name} to ${state.subnetMtu6}`, state.subnetMtu6, `${ipv6}/mtu`));
  return steps;
}

export function addressSteps({ name, state }: NamedInterface): Step[] {
  return state.addresses.map((address) => {
    const hasBroadcast = !address.includes(":") && Number(address.split("/")[1]) < 31 && name !== "lo";
    return {
      title: `give ${name} ${address}`,
      shell: ip("addr", "add", address, ...(hasBroadcast ? ["broadcast", "+"] : []), "dev", name),
      undo: ip("addr", "del", address, "dev", name),
    };
  });
}

/** A card's own address is replaced while it is down, since many cannot do it otherwise. */
export function macStep(name: string, mac: string, ownMac?: string): Step {
  const undo = ownMac === undefined ? undefined : words("setmac", name, ownMac);
  return { title: `give ${name} the address ${mac}`, shell: words("setmac", name, mac), undo };
}

/** What a document's switch says, however it is written. */
export function isNo(value: unknown): boolean {
  return value === false || (typeof value === "string" && /^(false|no|off|n|0)$/i.test(value));
}
