import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { ServeOptions } from "./metadata-serving.ts";
import { portNumber, profileArgument } from "./options.ts";

/** The names of guest-config's clouds, here so that --help need not load them; a test compares. */
export const cloudNames = ["tencent", "alibaba", "huawei", "openstack", "ec2", "nocloud"] as const;

export const metadata: Verb = {
  name: "metadata",
  summary: "serve on loopback what a cloud tells an instance over HTTP",
  examples: [
    "cloudimg metadata serve local --as nocloud --port 8000",
    "curl http://127.0.0.1:8000/meta-data",
    "cloudimg metadata serve local --as alibaba --token required --key ~/.ssh/id_ed25519.pub",
  ],
  args: [new Argument("<ACT>", "what to do").choices(["serve"]), profileArgument],
  options: [
    new Option("--as <CLOUD>", "whose metadata service to be").choices(cloudNames).default("openstack"),
    new Option("--port <N>", "on 127.0.0.1; default: any that is free").argParser(portNumber),
    new Option("--token <RULE>", "Alibaba and EC2: whether the guest must ask for a token first").choices([
      "required",
      "optional",
      "absent",
      "disabled",
    ]),
    new Option("--instance-id <ID>", "default: random"),
    new Option("--hostname <NAME>", "instead of the profile's"),
    new Option("--key <FILE...>", "files with public keys that may log in, one on a line"),
    new Option("--user-data <FILE>", "instead of the profile's"),
    new Option("--vendor-data <FILE>", "what the cloud itself would add to the user data"),
  ],
  async run({ args, options, context, result }: Invocation<ServeOptions>) {
    const { serveMetadata } = await import("./metadata-serving.ts");
    await serveMetadata(args[1] as string, options, result, context);
    return 0;
  },
};
