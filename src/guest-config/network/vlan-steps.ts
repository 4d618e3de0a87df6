import { macStep } from "./link-steps.ts";
import type { NamedInterface } from "./resolve-names.ts";
import { ip, type Step, words } from "./steps.ts";

export function vlanSteps({ name, state }: NamedInterface, parent: NamedInterface): Step[] {
  const id = String(state.vlan?.id);
  const create = ip("link", "add", "link", parent.name, "name", name, "type", "vlan", "id", id);
  return [
    {
      title: `create ${name}`,
      key: `vlan ${name} ${parent.name} ${id}`,
      shell: `[ -e ${words(`/sys/class/net/${name}`)} ] || { module 8021q; ${create}; }`,
      undo: ip("link", "del", "dev", name),
    },
    ...(state.mac === undefined ? [] : [macStep(name, state.mac)]),
  ];
}
