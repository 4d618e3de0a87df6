import type { Invocation, Verb } from "./command.ts";

export const instances: Verb = {
  name: "instances",
  summary: "list the instances on this machine",
  examples: ["cloudimg instances", "cloudimg instances --json"],
  args: [],
  options: [],
  async run({ context, result }: Invocation) {
    const { listInstances } = await import("../machine/instances.ts");
    const found = listInstances(context);
    const lines = found.map(({ id, state, image, ports }) =>
      [
        id.padEnd(28),
        state.padEnd(8),
        image.padEnd(24),
        ...Object.entries(ports).map(([name, port]) => `${name} 127.0.0.1:${port}`),
      ].join("  "),
    );
    result(lines.length === 0 ? "no instances" : lines.join("\n"), { instances: found });
    return 0;
  },
};
