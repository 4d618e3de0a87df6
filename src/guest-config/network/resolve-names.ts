import type { InterfaceState, NetworkState } from "../network-state.ts";
import { type Nic, shortMac } from "./nics.ts";

/** An interface of the document and what it is called on this machine. */
export interface NamedInterface {
  /** What it shall be called. */
  readonly name: string;
  /** What the card is called now; bonds, bridges and VLANs have yet to be made. */
  readonly currentName?: string | undefined;
  /** In the document, which bonds, bridges and VLANs refer to. */
  readonly index: number;
  readonly state: InterfaceState;
}

export interface ResolvedNames {
  /** In the order of the document. Several may have one index: all cards that meet its conditions. */
  readonly present: readonly NamedInterface[];
  /** Cards that the document names and this machine has not, or not yet, with what is made of nothing but them. */
  readonly missing: readonly InterfaceState[];
  readonly problems: readonly string[];
}

/** MAX_NEST_DEV of the kernel's net/core/dev.c: how many interfaces can be on top of each other. */
const mostNested = 8;

/**
 * Finds the cards of each interface and gives bonds, bridges and VLANs their usual names. Who names a card, by MAC address or name, comes before who wants all cards of some kind.
 */
export function resolveNames({ interfaces }: NetworkState, nics: readonly Nic[]): ResolvedNames {
  const problems: string[] = [];
  const found: NamedInterface[] = [];
  const names = new Set<string>();
  const claimed = new Map<string, NamedInterface>();
  const add = (index: number, wanted: string, currentName?: string) => {
    const state = interfaces[index] as InterfaceState;
    const other = currentName === undefined ? undefined : claimed.get(currentName);
    if (other !== undefined) {
      // Two entries for one card: it is configured as both say, under the first one's name.
      found.push({ name: other.name, currentName, index, state });
      return;
    }
    let name = wanted;
    if (!isInterfaceName(name) || names.has(name)) {
      problems.push(`${JSON.stringify(name)} ${names.has(name) ? "is there twice" : "cannot be an interface's name"}`);
      if (currentName === undefined || names.has(currentName)) return;
      name = currentName;
    }
    names.add(name);
    const added = { name, currentName, index, state };
    if (currentName !== undefined) claimed.set(currentName, added);
    found.push(added);
  };

  const kindOf = (wanted: (state: InterfaceState) => boolean) =>
    [...interfaces.entries()].filter(([, state]) => wanted(state));
  for (const [index] of kindOf(({ kind }) => kind === "loopback")) add(index, "lo", "lo");
  for (const [index, state] of kindOf((state) => isCard(state) && !isPattern(state))) {
    const cards = nics.filter((nic) => meets(nic, state));
    // A second card of this address is another path to it (a virtual function, a mirror): the one that has the name already is meant.
    const card = cards.find(({ name }) => name === state.name) ?? cards[0];
    if (card !== undefined) {
      // What somebody else has brought up is not set down to be renamed: it may lead to the root file system.
      const stays = state.isManual === true && card.isUp;
      add(index, (stays ? undefined : state.name) ?? card.name, card.name);
    }
  }
  for (const [index, state] of kindOf((state) => isCard(state) && isPattern(state))) {
    const cards = nics.filter((nic) => meets(nic, state) && !claimed.has(nic.name));
    for (const card of cards) add(index, cards.length === 1 && state.name ? state.name : card.name, card.name);
  }
  let bonds = 0;
  let bridges = 0;
  for (const [index, state] of kindOf(({ kind }) => kind === "bond" || kind === "bridge"))
    add(index, state.name ?? (state.kind === "bond" ? `bond${bonds++}` : `br${bridges++}`));
  const byIndex = new Map(found.map((one) => [one.index, one]));
  // A VLAN may be on another one, and may come before it.
  let vlans = kindOf(({ vlan }) => vlan !== undefined).filter(([index]) => !byIndex.has(index));
  for (let depth = 0; depth < mostNested && vlans.length > 0; depth++) {
    const orphans: typeof vlans = [];
    for (const [index, state] of vlans) {
      const parent = byIndex.get(state.vlan?.parent ?? -1);
      if (parent === undefined) {
        orphans.push([index, state]);
        continue;
      }
      const usual = `${parent.name}.${state.vlan?.id}`;
      add(index, state.name ?? (isInterfaceName(usual) ? usual : `vlan${state.vlan?.id}`));
      const added = found.at(-1);
      if (added?.index === index) byIndex.set(index, added);
    }
    vlans = orphans;
  }
  const present = found.sort((a, b) => a.index - b.index);
  const indexes = new Set(present.map(({ index }) => index));
  const missing = interfaces.filter((_, index) => !indexes.has(index));
  return { present, missing, problems: [...new Set(problems)] };
}

/** IFNAMSIZ of linux/if.h and dev_valid_name of the kernel; `%` would number them. */
function isInterfaceName(name: string): boolean {
  return /^[!-~]{1,15}$/.test(name) && !/[/:%]/.test(name) && name !== "." && name !== "..";
}

export function isCard({ kind }: InterfaceState): boolean {
  return kind === "physical" || kind === "infiniband";
}

function isPattern({ mac, match }: InterfaceState): boolean {
  return mac === undefined && match !== undefined;
}

function meets(nic: Nic, { mac, match, name, id }: InterfaceState): boolean {
  if (mac !== undefined && nic.mac !== mac && shortMac(nic.mac) !== mac) return false;
  if (mac === undefined && match === undefined) return nic.name === (name ?? id);
  const { names = [], drivers = [] } = match ?? {};
  return (
    (names.length === 0 || names.some((glob) => matches(glob, nic.firstName ?? nic.name))) &&
    (drivers.length === 0 || (nic.driver !== undefined && drivers.some((glob) => matches(glob, nic.driver ?? ""))))
  );
}

/** A pattern of the shell: `*`, `?`, `[a-z]`, `[!0]`. */
function matches(glob: string, text: string): boolean {
  const source = glob
    .replace(/\*+/g, "*")
    .replace(/\[!/g, "[^")
    .replace(/[.+^${}()|\\]/g, (sign, at: number, all: string) =>
      sign === "^" && all[at - 1] === "[" ? sign : `\\${sign}`,
    )
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  try {
    return new RegExp(`^${source}$`).test(text);
  } catch {
    return false;
  }
}
