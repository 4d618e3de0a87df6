import { InvalidArgumentError, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import {
  allowExpiredOption,
  cloudNames,
  lockedOption,
  mirrorOption,
  outputOption,
  type PlaceName,
  profileArgument,
} from "./options.ts";
import type { PublishOptions } from "./publish-options.ts";

const placeNames: readonly PlaceName[] = ["local", ...cloudNames];

export const publish: Verb = {
  name: "publish",
  summary: "build, import, boot, check over ssh and HTTP, clean up",
  examples: [
    "cloudimg publish --provider local",
    "cloudimg publish cloud-profiles/local.yaml --keep",
    "cloudimg publish local --locked --json",
    "cloudimg publish web -p tencent,alibaba --rehearse   # or: -p tencent alibaba",
    "cloudimg publish all-clouds --rehearse --report report.html",
    "cloudimg publish tencent --region ap-guangzhou --bucket images-1250000000",
  ],
  args: [profileArgument],
  options: [
    new Option("-p, --provider <NAME...>", "where to publish, instead of the profile's provider")
      .choices(placeNames)
      .argParser(placesIn),
    new Option("--region <REGION>", "the cloud's region, instead of the profile's or the environment's"),
    new Option("--bucket <BUCKET>", "where the image file is uploaded to, instead of the profile's bucket"),
    new Option("--rehearse", "play the cloud on this machine: no account is needed, nothing is paid"),
    new Option("--fault <RULE...>", "how the played cloud misbehaves: RunInstances=drop, sold-out, …"),
    new Option("--report <FILE>", "where to write the HTML report; default: OUTPUT/IMAGE-publish.html"),
    new Option("--keep", "leave the local instance running, and say how to reach and stop it"),
    outputOption,
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({ args, options, context, result }: Invocation<PublishOptions>) {
    const { openProfile } = await import("./open-profile.ts");
    const { publishProfile } = await import("./publishing.ts");
    const loaded = await openProfile(args[0] as string, context);
    await publishProfile(loaded, options, result, context);
    return 0;
  },
};

/** `tencent,alibaba`, besides those that were named before. */
function placesIn(text: string, before: readonly PlaceName[] = []): PlaceName[] {
  const named = text.split(",").map((word) => placeNames.find((name) => name === word.trim()));
  const known = named.filter((name) => name !== undefined);
  if (known.length < named.length) throw new InvalidArgumentError(`Allowed choices are ${placeNames.join(", ")}.`);
  return [...before, ...known];
}
