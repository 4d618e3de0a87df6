import type { NamedInterface } from "./resolve-names.ts";
import type { Step } from "./steps.ts";

/** How what is made of cards is made; in a part of its own. */
export interface StackedSteps {
  bondSteps(bond: NamedInterface, members: readonly NamedInterface[], problems: string[]): Step[];
  /** To be done when the bond is up. */
  activeMemberSteps(bond: NamedInterface, members: readonly NamedInterface[]): Step[];
  bridgeSteps(bridge: NamedInterface, ports: readonly NamedInterface[], problems: string[]): Step[];
  vlanSteps(vlan: NamedInterface, parent: NamedInterface): Step[];
}
