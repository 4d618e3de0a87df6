import { Argument } from "commander";
import type { CloudOptions } from "./cloud-options.ts";
import type { Invocation, Verb } from "./command.ts";
import { type PlaceName, providerOption, regionOption } from "./options.ts";

export const consoleVerb: Verb = {
  name: "console",
  summary: "print what an instance has printed on its serial console",
  examples: ["cloudimg console local-1a2b3c4d", "cloudimg console i-bp1a2b3c -p alibaba --region cn-hangzhou"],
  args: [new Argument("<INSTANCE>", "its id; cloudimg instances lists them")],
  options: [providerOption, regionOption],
  async run({ args, options, context, result }: Invocation<Omit<CloudOptions, "provider"> & { provider: PlaceName }>) {
    const { provider } = options;
    const id = args[0] as string;
    if (provider !== "local") {
      const { cloudConsole } = await import("./listing-clouds-evidence.ts");
      const { lines, takenAtMs } = await cloudConsole(id, { ...options, provider }, context);
      const takenAt = takenAtMs === undefined ? undefined : new Date(takenAtMs).toISOString();
      if (takenAt !== undefined)
        context.emit({ type: "log", level: "info", message: `as the cloud kept it at ${takenAt}` });
      result(lines.join("\n"), { lines, takenAt });
      return 0;
    }
    const { consoleOfInstance } = await import("../machine/instances.ts");
    const lines = consoleOfInstance(id, context);
    result(lines.join("\n"), { lines });
    return 0;
  },
};
