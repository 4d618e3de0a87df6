import { macStep } from "./link-steps.ts";
import type { NamedInterface } from "./resolve-names.ts";
import { put, type Step, words } from "./steps.ts";

const net = "/sys/class/net";
const masters = `${net}/bonding_masters`;

/**
 * In an order that the kernel accepts: the mode first, since it decides what else there is; delays after the monitoring that they refine; all before the first
 * member comes. https://docs.kernel.org/networking/bonding.html and drivers/net/bonding/bond_options.c.
 */
const parameters = [
  ...["mode", "miimon", "updelay", "downdelay", "use_carrier", "peer_notif_delay"],
  ...["arp_interval", "arp_ip_target", "ns_ip6_target", "arp_validate", "arp_all_targets", "arp_missed_max"],
  ...["lacp_active", "lacp_rate", "ad_select", "ad_actor_sys_prio", "ad_actor_system", "ad_user_port_key"],
  ...["xmit_hash_policy", "fail_over_mac", "primary", "primary_reselect", "num_grat_arp", "num_unsol_na"],
  ...["min_links", "all_slaves_active", "resend_igmp", "packets_per_slave", "lp_interval", "tlb_dynamic_lb"],
];
const usualMiimon = "100";
const lists = ["arp_ip_target", "ns_ip6_target"];

/** Makes a bond and takes its members in; they must be down and without addresses then. What was one with other parameters is made anew. */
export function bondSteps(
  { name, state }: NamedInterface,
  members: readonly NamedInterface[],
  problems: string[],
): Step[] {
  const said = state.bond?.parameters ?? {};
  // "It is critical" that links are watched one way or the other (the document above); some kernels do not by themselves.
  const isWatched = Number(said["miimon"] ?? 0) > 0 || Number(said["arp_interval"] ?? 0) > 0;
  const wanted = isWatched ? said : { ...said, miimon: usualMiimon };
  const directory = `${net}/${name}/bonding`;
  for (const word of Object.keys(wanted))
    if (!parameters.includes(word) && word !== "active_slave")
      problems.push(`${name}: bonds have no parameter ${JSON.stringify(word)}`);
  const isIdle = (word: string) =>
    Number(wanted["arp_interval"] ?? 0) > 0 && ["miimon", "updelay", "downdelay"].includes(word);
  return [
    {
      title: `create ${name}`,
      key: `bond ${name} ${JSON.stringify(wanted)}`,
      shell: `[ -e ${words(directory)} ] || { [ -e ${masters} ] || modprobe bonding max_bonds=0; ${words("echo", `+${name}`)} >${masters}; }`,
      undo: `${words("echo", `-${name}`)} >${masters}`,
    },
    // Either way of watching the links turns the other off.
    ...parameters
      .filter((word) => wanted[word] !== undefined && !isIdle(word))
      .flatMap((word) => parameterSteps(name, word, wanted[word] as string, members)),
    ...(state.mac === undefined ? [] : [macStep(name, state.mac)]),
    ...members.map(({ name: member }) => ({
      title: `take ${member} into ${name}`,
      key: `member ${name} ${member}`,
      shell: [
        `read -r a <${words(`${directory}/slaves`)}`,
        `among ${words(member)} "$a" || { ${words("ip", "link", "set", "dev", member, "down")} && ${words("ip", "addr", "flush", "dev", member)}`,
        `${words("echo", `+${member}`)} >${words(`${directory}/slaves`)}; }`,
      ].join("; "),
      undo: `${words("echo", `-${member}`)} >${words(`${directory}/slaves`)}`,
    })),
  ];
}

/** Which member is used first is chosen when all are up. */
export function activeMemberSteps({ name, state }: NamedInterface, members: readonly NamedInterface[]): Step[] {
  const value = state.bond?.parameters["active_slave"];
  return value === undefined ? [] : parameterSteps(name, "active_slave", value, members);
}

function parameterSteps(name: string, word: string, value: string, members: readonly NamedInterface[]): Step[] {
  const file = `${net}/${name}/bonding/${word}`;
  const title = `set ${word} of ${name} to ${value}`;
  if (word === "primary" || word === "active_slave") {
    const member = members.find(({ name: own, state }) => [state.id, state.name, own].includes(value));
    return [{ title, shell: put(member?.name ?? value, file) }];
  }
  if (!lists.includes(word)) return [{ title, shell: put(value, file) }];
  return value
    .split(/[\s,]+/)
    .filter((target) => target !== "")
    .map((target) => ({
      title: `set ${word} of ${name} to ${target}`,
      shell: `a=; while read -r b; do a="$a $b"; done <${words(file)}; among ${words(target)} "$a" || ${words("echo", `+${target}`)} >${words(file)}`,
    }));
}
