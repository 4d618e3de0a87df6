import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { ListOptions } from "./listing-clouds.ts";
import { type PlaceName, providerOption, regionOption } from "./options.ts";

export const instances: Verb = {
  name: "instances",
  summary: "list the instances on this machine, or in a cloud",
  examples: [
    "cloudimg instances",
    "cloudimg instances -p alibaba --region cn-hangzhou",
    "cloudimg instances -p tencent --all   # also those that cloudimg has not launched",
  ],
  args: [],
  options: [providerOption, regionOption, new Option("--all", "also instances that cloudimg has not launched")],
  async run({ options, context, result }: Invocation<Omit<ListOptions, "provider"> & { provider: PlaceName }>) {
    const { provider } = options;
    if (provider !== "local") {
      const { listCloudInstances } = await import("./listing-clouds.ts");
      const { instanceTable } = await import("./listing-clouds-table.ts");
      const found = await listCloudInstances({ ...options, provider }, context);
      result(instanceTable(found, Date.now()), { instances: found });
      return 0;
    }
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
