import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { profileArgument } from "./options.ts";

interface Options {
  readonly output: string;
  readonly instanceId?: string;
  readonly hostname?: string;
  readonly key?: string[];
  readonly userData?: string;
}

export const configDrive: Verb = {
  name: "config-drive",
  summary: "write a config drive (ISO 9660, label config-2)",
  examples: ["cloudimg config-drive local -o config.iso --key ~/.ssh/id_ed25519.pub --hostname web-1"],
  args: [profileArgument],
  options: [
    new Option("-o, --output <FILE>", "the ISO to write").default("config-drive.iso"),
    new Option("--instance-id <ID>", "default: random"),
    new Option("--hostname <NAME>", "instead of the profile's"),
    new Option("--key <FILE...>", "files with public keys that may log in, one on a line"),
    new Option("--user-data <FILE>", "instead of the profile's"),
  ],
  async run({ args, options, context, result }: Invocation<Options>) {
    const { randomUUID } = await import("node:crypto");
    const { emitSource, writeOutput } = await import("../core/output.ts");
    const { instanceConfig } = await import("../guest-config/from-profile.ts");
    const { readUserFile } = await import("../core/user-file.ts");
    const { readPublicKeys } = await import("./public-keys.ts");
    const { configDriveSource } = await import("./config-drive-source.ts");
    const { openProfile } = await import("./open-profile.ts");
    const { profile } = await openProfile(args[0] as string, context);
    await checkNames(options);
    const runKeys = readPublicKeys(options.key ?? []);
    const instanceId = options.instanceId ?? randomUUID();
    const config = instanceConfig(profile, instanceId, runKeys);
    const source = configDriveSource({
      ...config,
      hostname: options.hostname ?? config.hostname,
      userData: options.userData === undefined ? config.userData : readUserFile(options.userData),
    });
    const { signal } = context;
    await writeOutput(options.output, context, (fd) => emitSource(source, fd, { signal }));
    result(`${options.output}: instance ${instanceId}`, {
      path: options.output,
      instanceId,
      sizeBytes: source.sizeBytes,
    });
    return 0;
  },
};

async function checkNames({ hostname, instanceId }: Options): Promise<void> {
  const { fail } = await import("../core/errors.ts");
  const { hostName } = await import("../profile/words.ts");
  if (hostname !== undefined && !hostName.safeParse(hostname).success)
    fail("usage/arguments", `cannot name a host "${hostname}": it must be letters, digits, dots and dashes`);
  // Initializers name directories after it.
  if (instanceId !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(instanceId))
    fail("usage/arguments", `cannot use the instance id "${instanceId}": it must be letters, digits, dots and dashes`);
}
