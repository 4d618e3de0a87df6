import { Argument, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import type { LaunchOptions } from "./launching.ts";
import { type PlaceName, portNumber, positiveInteger, providerOption, regionOption } from "./options.ts";

const defaultPorts: readonly number[] = [22, 80];

export const launch: Verb = {
  name: "launch",
  summary: "start an instance of a cloud's image; it ends by itself",
  examples: [
    "cloudimg launch img-1a2b3c4d -p tencent --region ap-guangzhou",
    "cloudimg launch m-bp1a2b3c -p alibaba --spot --lifetime 30m --port 22 443",
    "cloudimg launch 1a2b3c4d-… -p huawei --key ~/.ssh/work.pub --user-data setup.yaml",
  ],
  args: [new Argument("<IMAGE_ID>", "an image's id; cloudimg images lists them")],
  options: [
    providerOption,
    regionOption,
    new Option("--key <FILE...>", "files with public keys that may log in; default: yours, else one is made"),
    new Option("--user-data <FILE>", "what the instance is told: a script, cloud-config, …"),
    new Option("--type <NAME...>", "kinds of machine, the best first; default: the cheapest that suits"),
    new Option("--cpus <N>", "processors at least").argParser(positiveInteger).default(1),
    new Option("--memory <SIZE>", "memory at least").default("512MiB"),
    new Option("--spot", "for less, and the cloud may take it back"),
    new Option("--lifetime <TIME>", "the cloud itself ends it after that, at most 24h").default("2h"),
    new Option("--port <N...>", "TCP ports that are open to all").argParser(ports).default(defaultPorts, "22 80"),
  ],
  async run({ args, options, context, result }: Invocation<Omit<LaunchOptions, "provider"> & { provider: PlaceName }>) {
    const { provider } = options;
    const imageId = args[0] as string;
    if (provider === "local") {
      const { fail } = await import("../core/errors.ts");
      return fail("usage/arguments", `cannot launch ${imageId} on this machine: launch is for the clouds`, {
        hint: "cloudimg publish --keep leaves an instance running here, cloudimg run boots an image file; or add -p CLOUD",
      });
    }
    const { formatDuration } = await import("../core/format.ts");
    const { launchImage } = await import("./launching.ts");
    const launched = await launchImage(imageId, { ...options, provider }, context);
    const { id, address, offer, endsAtMs, keyPath } = launched;
    const { price } = offer ?? {};
    const ends = new Date(endsAtMs);
    const login = `ssh${keyPath === undefined ? "" : ` -i ${keyPath}`} root@${address}`;
    const region = options.region === undefined ? "" : ` --region ${options.region}`;
    const cost = price === undefined ? "" : `, ${price.perHour} ${price.currency} an hour`;
    const lines = [
      id,
      `running at ${address}${offer === undefined ? "" : ` (${offer.instanceType} in ${offer.zone}${cost})`}`,
      `log in:  ${login}`,
      `ends by itself at ${ends.toISOString().slice(0, 16).replace("T", " ")} UTC, in ${formatDuration(Math.max(0, endsAtMs - Date.now()))}`,
      `end it:  cloudimg terminate ${id} -p ${provider}${region}`,
    ];
    result(lines.join("\n"), { provider, ...launched, endsAt: ends.toISOString(), ssh: login });
    return 0;
  },
};

/** commander hands over one word after the other. */
function ports(text: string, before: readonly number[] | undefined): number[] {
  const known = before === undefined || before === defaultPorts ? [] : before;
  return [...known, portNumber(text)];
}
