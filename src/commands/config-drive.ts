import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { profileArgument } from "./options.ts";

interface Options {
  readonly output?: string;
  readonly format: string;
  readonly instanceId?: string;
  readonly hostname?: string;
  readonly key?: string[];
  readonly userData?: string;
  readonly vendorData?: string;
}

/** The names of guest-config's formats, here so that --help need not load them; a test compares. */
export const formatNames = ["config-drive", "nocloud", "tencent", "alibaba-os-conf"] as const;

export const configDrive: Verb = {
  name: "config-drive",
  summary: "write what an instance is told: a config drive, a NoCloud seed, os.conf",
  examples: [
    "cloudimg config-drive local -o config.iso --key ~/.ssh/id_ed25519.pub --hostname web-1",
    "cloudimg config-drive local --format nocloud --user-data setup.yaml   # an ISO with the label CIDATA",
  ],
  args: [profileArgument],
  options: [
    new Option("-o, --output <FILE>", "what to write; default: FORMAT.iso, or os.conf"),
    new Option("-f, --format <FORMAT>", "for whom").choices(formatNames).default("config-drive"),
    new Option("--instance-id <ID>", "default: random"),
    new Option("--hostname <NAME>", "instead of the profile's"),
    new Option("--key <FILE...>", "files with public keys that may log in, one on a line"),
    new Option("--user-data <FILE>", "instead of the profile's"),
    new Option("--vendor-data <FILE>", "what the cloud itself would add to the user data"),
  ],
  async run({ args, options, context, result }: Invocation<Options>) {
    const { emitSource, writeOutput } = await import("../core/output.ts");
    const { findFormat, formatSource } = await import("./config-drive-source.ts");
    const { instanceFromOptions } = await import("./instance-options.ts");
    const { openProfile } = await import("./open-profile.ts");
    const { profile } = await openProfile(args[0] as string, context);
    const config = instanceFromOptions(profile, options);
    const format = findFormat(options.format);
    const { source, fileName } = formatSource(format, config);
    const path = options.output ?? fileName;
    const { signal } = context;
    await writeOutput(path, context, (fd) => emitSource(source, fd, { signal }));
    const { instanceId } = config;
    const { sizeBytes } = source;
    result(`${path}: instance ${instanceId}`, {
      path,
      instanceId,
      sizeBytes,
      format: format.name,
      label: format.label,
    });
    return 0;
  },
};
