import { macStep } from "./link-steps.ts";
import type { Nic } from "./nics.ts";
import type { NamedInterface } from "./resolve-names.ts";
import { ip, type Step } from "./steps.ts";

/** A card must be down to be renamed; whoever holds the name goes out of the way first, so that two may swap. */
export function renameSteps(interfaces: readonly NamedInterface[], nics: readonly Nic[]): Step[] {
  const moves = movesOf(interfaces, nics);
  const taken = new Set([...nics.map(({ name }) => name), ...moves.values()]);
  let number = 0;
  const nextAside = () => {
    while (taken.has(`cirename${number}`)) number++;
    return `cirename${number++}`;
  };
  const rename = (from: string, to: string): Step => ({
    title: `rename ${from} to ${to}`,
    key: `rename ${from} ${to}`,
    shell: `${ip("link", "set", "dev", from, "down")} && ${ip("link", "set", "dev", from, "name", to)}`,
  });
  const isFree = (name: string) => !nics.some((nic) => nic.name === name);
  // Whose new name is free goes there straight.
  const direct = [...moves].filter(([, to]) => isFree(to));
  const others = [...moves].filter(([, to]) => !isFree(to)).map(([from, to]) => ({ from, to, aside: nextAside() }));
  return [
    ...direct.map(([from, to]) => rename(from, to)),
    ...others.map(({ from, aside }) => rename(from, aside)),
    ...others.map(({ to, aside }) => rename(aside, to)),
  ];
}

/** Old to new names. A card that nobody wants and that is in the way gets a name that is free afterwards. */
export function movesOf(interfaces: readonly NamedInterface[], nics: readonly Nic[]): Map<string, string> {
  const moves = new Map<string, string>();
  for (const { name, currentName } of interfaces)
    if (currentName !== undefined && name !== currentName) moves.set(currentName, name);
  const wanted = new Set(moves.values());
  const taken = new Set([...nics.map(({ name }) => name).filter((name) => !moves.has(name)), ...moves.values()]);
  for (const { name } of nics) {
    if (moves.has(name) || !wanted.has(name)) continue;
    const freed = [...moves.keys()].find((old) => !taken.has(old));
    let free = freed ?? name;
    for (let number = 0; taken.has(free); number++) free = `eth${number}`;
    taken.add(free);
    moves.set(name, free);
  }
  return moves;
}

/** Addresses that cards get instead of their own. */
export function macSteps(interfaces: readonly NamedInterface[], nics: readonly Nic[]): Step[] {
  return interfaces.flatMap(({ name, currentName, state }) => {
    const own = nics.find((nic) => nic.name === currentName)?.mac;
    return state.setMac === undefined || own === undefined ? [] : [macStep(name, state.setMac, own)];
  });
}
