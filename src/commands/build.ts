import { Option } from "commander";
import type { DiskFormatName } from "../build/disk-formats/registry.ts";
import { fail } from "../core/errors.ts";
import { outputFormats } from "../profile/machine-words.ts";
import type { BuildOptions } from "./built.ts";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, lockedOption, mirrorOption, outputOption, profileArgument } from "./options.ts";

export const build: Verb = {
  name: "build",
  summary: "build the image files of a profile",
  examples: ["cloudimg build", "cloudimg build local --format qcow2 --output /tmp", "cloudimg build --locked --json"],
  args: [profileArgument],
  options: [
    new Option("-f, --format <FORMAT...>", "formats to write, instead of the profile's").choices(outputFormats),
    outputOption,
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({ args, options, context, result }: Invocation<BuildOptions & { format?: DiskFormatName[] }>) {
    const { buildProfile } = await import("./building.ts");
    const { openProfile } = await import("./open-profile.ts");
    const { describeImage } = await import("../report/image.ts");
    const loaded = await openProfile(args[0] as string, context);
    const built = await buildProfile(loaded, options, context, options.format && differing(options.format));
    result(describeImage(built), built);
    return 0;
  },
};

/** Each once. Two kinds of one format would have the same file name, and only the last would be left. */
function differing(formats: readonly DiskFormatName[]): DiskFormatName[] {
  const chosen = [...new Set(formats)];
  for (const kind of ["vhd", "vmdk"])
    if (chosen.filter((name) => name.startsWith(kind)).length > 1)
      fail("usage/arguments", `cannot write both kinds of ${kind}: they would be one file`, {
        hint: "name one of the two; `cloudimg convert` makes the other",
      });
  return chosen;
}
