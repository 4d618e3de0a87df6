import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";

export const screenshot: Verb = {
  name: "screenshot",
  summary: "save what is on the screen of a running instance",
  examples: ["cloudimg screenshot local-1a2b3c4d -o screen.png"],
  args: [new Argument("<INSTANCE>", "its id; cloudimg instances lists them")],
  options: [new Option("-o, --output <FILE>", "the PNG to write").default("screenshot.png")],
  async run({ args, options, context, result }: Invocation<{ output: string }>) {
    const { screenshotInstance } = await import("../machine/instances.ts");
    await screenshotInstance(args[0] as string, options.output, context);
    result(options.output, { path: options.output });
    return 0;
  },
};
