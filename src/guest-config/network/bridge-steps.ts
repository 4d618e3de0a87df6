import { macStep } from "./link-steps.ts";
import type { NamedInterface } from "./resolve-names.ts";
import { ip, put, type Step, words } from "./steps.ts";

const net = "/sys/class/net";

/** Settings of Debian's bridge-utils (bridge-utils-interfaces(5)) as the kernel has them; times in hundredths of a second there. */
const parameters: Readonly<Record<string, readonly [file: string, factor: number]>> = {
  ageing: ["ageing_time", 100],
  bridgeprio: ["priority", 1],
  fd: ["forward_delay", 100],
  hello: ["hello_time", 100],
  maxage: ["max_age", 100],
  // Last: with the spanning tree the kernel minds the times' limits.
  stp: ["stp_state", 1],
};
const portParameters: Readonly<Record<string, string>> = { pathcost: "path_cost", portprio: "priority" };
/** They say how long programs wait for a bridge, or concern kernels before 2.6. */
const needless = ["gcint", "maxwait", "waitport", "hw"];

export function bridgeSteps(
  { name, state }: NamedInterface,
  ports: readonly NamedInterface[],
  problems: string[],
): Step[] {
  const wanted = state.bridge?.parameters ?? {};
  const steps: Step[] = [
    {
      title: `create ${name}`,
      key: `bridge ${name} ${JSON.stringify(wanted)}`,
      shell: `[ -e ${words(`${net}/${name}/bridge`)} ] || { module bridge; ${ip("link", "add", name, "type", "bridge")}; }`,
      undo: ip("link", "del", "dev", name),
    },
  ];
  for (const word of Object.keys(wanted))
    if (![...needless, ...Object.keys(parameters), ...Object.keys(portParameters)].includes(word))
      problems.push(`${name}: bridges have no parameter ${JSON.stringify(word)}`);
  for (const [word, [file, factor]] of Object.entries(parameters)) {
    const value = wanted[word];
    if (value === undefined || value === null) continue;
    const number = Math.round(asNumber(value) * factor);
    if (Number.isFinite(number))
      steps.push({ title: `set ${word} of ${name} to ${value}`, shell: put(number, `${net}/${name}/bridge/${file}`) });
    else problems.push(`${name}: ${word} is ${JSON.stringify(value)}, which is no number`);
  }
  if (state.mac !== undefined) steps.push(macStep(name, state.mac));
  for (const { name: port } of ports)
    steps.push({
      title: `take ${port} into ${name}`,
      key: `port ${name} ${port}`,
      shell: `[ -e ${words(`${net}/${name}/brif/${port}`)} ] || ${ip("link", "set", "dev", port, "master", name)}`,
      undo: ip("link", "set", "dev", port, "nomaster"),
    });
  for (const [word, file] of Object.entries(portParameters))
    for (const [what, value] of Object.entries(Object(wanted[word]))) {
      const port = ports.find(({ name: own, state: { id, name: said } }) => [id, said, own].includes(what));
      if (port === undefined || !Number.isFinite(asNumber(value)))
        problems.push(`${name}: ${word} of ${JSON.stringify(what)} cannot be ${JSON.stringify(value)}`);
      else
        steps.push({
          title: `set ${word} of ${port.name} to ${value}`,
          shell: put(asNumber(value), `${net}/${port.name}/brport/${file}`),
        });
    }
  return steps;
}

/** A switch is 1 or 0. */
function asNumber(value: unknown): number {
  return ["number", "boolean", "string"].includes(typeof value) ? Number(value) : Number.NaN;
}
