import { Argument, Option } from "commander";
import type { CloudOptions } from "./cloud-options.ts";
import type { Invocation, Verb } from "./command.ts";
import { type PlaceName, providerOption, regionOption } from "./options.ts";

export const screenshot: Verb = {
  name: "screenshot",
  summary: "save what is on the screen of a running instance",
  examples: [
    "cloudimg screenshot local-1a2b3c4d screen.png",
    "cloudimg screenshot i-bp1a2b3c screen.jpg -p alibaba --region cn-hangzhou",
  ],
  args: [
    new Argument("<ID>", "of the instance; cloudimg instances lists them"),
    new Argument("[FILE]", "the picture to write; default: screenshot.png, or what the cloud sends"),
  ],
  options: [providerOption, regionOption, new Option("-o, --output <FILE>", "the same as FILE")],
  async run({
    args,
    options,
    context,
    result,
  }: Invocation<Omit<CloudOptions, "provider"> & { provider: PlaceName; output?: string }>) {
    const { provider } = options;
    const [id = "", file = options.output] = args;
    if (provider !== "local") {
      const { cloudScreenshot } = await import("./listing-clouds-evidence.ts");
      const path = await cloudScreenshot(id, file, { ...options, provider }, context);
      result(path, { path });
      return 0;
    }
    const { screenshotInstance } = await import("../machine/instances.ts");
    const path = file ?? "screenshot.png";
    await screenshotInstance(id, path, context);
    result(path, { path });
    return 0;
  },
};
