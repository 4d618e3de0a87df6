import type { InterfaceState, NetworkState } from "../network-state.ts";

/** An interface of the document and what it is called on this machine. */
export interface NamedInterface {
  /** What it shall be called. */
  readonly name: string;
  /** What the card is called now; bonds and VLANs have yet to be made. */
  readonly currentName?: string | undefined;
  readonly state: InterfaceState;
}

export interface ResolvedNames {
  /** In the order of the document. Each with its index there, which bonds and VLANs refer to. */
  readonly present: ReadonlyMap<number, NamedInterface>;
  /** Cards that the document names and this machine has not, or not yet, with what depends on them. */
  readonly missing: readonly InterfaceState[];
}

/** Finds the card of each interface by its MAC address and gives bonds and VLANs their usual names. */
export function resolveNames(network: NetworkState, nameOfMac: ReadonlyMap<string, string>): ResolvedNames {
  const { interfaces } = network;
  const names = new Map<number, NamedInterface>();
  let bonds = 0;
  for (const [index, state] of interfaces.entries()) {
    const currentName = state.mac === undefined ? undefined : nameOfMac.get(state.mac);
    if (state.kind === "physical" && currentName !== undefined)
      names.set(index, { name: state.name ?? currentName, currentName, state });
    if (state.kind === "bond") names.set(index, { name: state.name ?? `bond${bonds++}`, state });
  }
  // A VLAN may be on another one, and may come before it.
  for (let round = 0; round < interfaces.length; round++)
    for (const [index, state] of interfaces.entries()) {
      const parent = state.vlan && names.get(state.vlan.parent);
      if (parent !== undefined && !names.has(index))
        names.set(index, { name: state.name ?? `${parent.name}.${state.vlan?.id}`, state });
    }
  return {
    present: new Map([...names].sort(([a], [b]) => a - b)),
    missing: interfaces.filter((_, index) => !names.has(index)),
  };
}
