import { Option } from "commander";
import type { InstanceConfig } from "../guest-config/model.ts";
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
  summary: "write a config drive, a NoCloud seed or os.conf",
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
    const lost = format.label === undefined ? withoutPlace(config) : [];
    if (lost.length > 0)
      context.emit({ type: "log", level: "warning", message: `${path} has no place for ${lost.join(" and ")}` });
    const { instanceId } = config;
    const { sizeBytes } = source;
    const macs = config.network.interfaces.map(({ mac }) => mac);
    // Without a card of this address, the machine that gets the drive would look for one in vain.
    result(`${path}: instance ${instanceId}, network card ${macs.join(", ")}`, {
      path,
      instanceId,
      macs,
      sizeBytes,
      format: format.name,
      label: format.label,
    });
    return 0;
  },
};

/** What os.conf cannot say. */
function withoutPlace({ authorizedKeys, userData, vendorData }: InstanceConfig): string[] {
  return [
    ...(Object.values(authorizedKeys).some((keys) => keys.length > 0) ? ["ssh keys"] : []),
    ...(userData === undefined ? [] : ["user data"]),
    ...(vendorData === undefined ? [] : ["vendor data"]),
  ];
}
