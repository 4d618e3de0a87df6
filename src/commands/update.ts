import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, lockedOption, mirrorOption } from "./options.ts";
import type { UpdateOptions } from "./updating.ts";

export const update: Verb = {
  name: "update",
  summary: "bring a new build into an image, keep its system's changes",
  examples: [
    "cloudimg update web.qcow2 web.yaml --dry-run",
    "cloudimg update web.qcow2 web.yaml",
    "cloudimg update disk.raw local --json",
  ],
  args: [
    new Argument("<IMAGE>", "an image that cloudimg has built, shut down properly"),
    // Without a default: the wrong profile would make another system of the image.
    new Argument("<PROFILE>", "the profile that it was built from, as it is now: a file, or a name in cloud-profiles/"),
  ],
  options: [
    new Option("-n, --dry-run", "tell what would change, and write nothing"),
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({ args, options, context, result }: Invocation<UpdateOptions>) {
    const { updateImage } = await import("./updating.ts");
    const { describeUpdate } = await import("../report/updated.ts");
    const { openProfile } = await import("./open-profile.ts");
    const loaded = await openProfile(args[1] as string, context);
    const updated = await updateImage(args[0] as string, loaded, options, context);
    result(describeUpdate(updated, { all: options.verbose === true }), updated);
    return 0;
  },
};
