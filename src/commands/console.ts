import { Argument } from "commander";
import type { Invocation, Verb } from "./command.ts";

export const consoleVerb: Verb = {
  name: "console",
  summary: "print what an instance has printed on its serial console",
  examples: ["cloudimg console local-1a2b3c4d"],
  args: [new Argument("<INSTANCE>", "its id; cloudimg instances lists them")],
  options: [],
  async run({ args, context, result }: Invocation) {
    const { consoleOfInstance } = await import("../machine/instances.ts");
    const lines = consoleOfInstance(args[0] as string, context);
    result(lines.join("\n"), { lines });
    return 0;
  },
};
