import { Option } from "commander";
import type { ProviderName } from "../providers/registry.ts";
import type { BuildOptions } from "./built.ts";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, lockedOption, mirrorOption, outputOption, profileArgument } from "./options.ts";

export const publish: Verb = {
  name: "publish",
  summary: "build, import, boot, check over ssh and HTTP, clean up",
  examples: [
    "cloudimg publish --provider local",
    "cloudimg publish cloud-profiles/local.yaml --keep",
    "cloudimg publish local --locked --json",
  ],
  args: [profileArgument],
  options: [
    new Option("-p, --provider <NAME>", "where to publish, instead of the profile's provider").choices(["local"]),
    new Option("--keep", "leave the instance running, and say how to reach and stop it"),
    outputOption,
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({
    args,
    options,
    context,
    result,
  }: Invocation<BuildOptions & { provider?: ProviderName; keep?: boolean }>) {
    const { buildProfile } = await import("./building.ts");
    const { openProfile } = await import("./open-profile.ts");
    const { configDriveSource } = await import("./config-drive-source.ts");
    const { openProvider } = await import("./providing.ts");
    const { publish: run } = await import("../providers/publish.ts");
    const { describeImage } = await import("../report/image.ts");
    const { describePublish } = await import("../report/publish.ts");
    const { writeRunKey } = await import("./run-key-file.ts");

    const loaded = await openProfile(args[0] as string, context);
    const { profile } = loaded;
    const [name = "local"] = [options.provider ?? profile.provider.name].flat();
    if (name !== "local") throw new TypeError(`there is no ${name} yet`);
    const provider = await openProvider(name, context);
    let built: Awaited<ReturnType<typeof buildProfile>> | undefined;
    let keyPath: string | undefined;
    const report = await run(
      {
        profile,
        provider,
        configDrive: configDriveSource,
        keep: options.keep === true,
        async build() {
          built = await buildProfile(loaded, options, context);
          // The smallest file is the one to send: qcow2 if there is one.
          const file = built.files.find(({ format }) => format === "qcow2") ?? built.files[0];
          if (file === undefined) throw new TypeError("a build without files");
          return { ...file, name: built.name, identity: built.identity, sizeBytes: built.diskSizeBytes };
        },
        async onKept(instance, key) {
          keyPath = await writeRunKey(instance.id, key.privateKey, context);
        },
      },
      context,
    );
    const image = built === undefined ? "" : `Image\n${describeImage(built)}\n\n`;
    result(`${image}${describePublish(report, keyPath)}`, { ...report, built, keyPath });
    return 0;
  },
};
