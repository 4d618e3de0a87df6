import { Argument, InvalidArgumentError, Option } from "commander";
import type { CloudName } from "../providers/cloud.ts";
import type { Invocation, Verb } from "./command.ts";
import type { EmulateOptions } from "./emulating.ts";
import { cloudNames, portNumber, positiveInteger } from "./options.ts";

export const emulate: Verb = {
  name: "emulate",
  summary: "be a cloud on loopback, for this tool and others",
  examples: [
    "cloudimg emulate tencent --port 8100",
    "cloudimg emulate alibaba --port 8100 --no-boot > alibaba.env   # in another shell: . ./alibaba.env",
    "cloudimg emulate huawei --fault sold-out-first ImportImage=503*2",
  ],
  args: [new Argument("<CLOUD>", "which one").choices(cloudNames)],
  options: [
    new Option(
      "--port <N>",
      "of its API, on 127.0.0.1; N+1: of its object store, N+2: of a proxy to its instances; default: any that are free",
    ).argParser(firstPort),
    new Option("--region <REGION>", "where the bucket is; default: a usual one"),
    new Option("--bucket <NAME>", "its bucket; default: one that suits the account"),
    new Option("--directory <DIRECTORY>", "where objects are kept; default: a temporary one"),
    new Option("--no-boot", "instances are records only, and nobody answers at their addresses"),
    new Option("--pace <N>", "how much faster than the cloud things are ready").argParser(positiveInteger).default(10),
    new Option("--fault <RULE...>", "a call that fails, as RunInstances=drop, or a trouble, as sold-out"),
  ],
  async run({ args, options, context, result }: Invocation<EmulateOptions>) {
    const { emulateCloud } = await import("./emulating.ts");
    await emulateCloud(args[0] as CloudName, options, result, context);
    return 0;
  },
};

function firstPort(text: string): number {
  const port = portNumber(text);
  if (port > 65_533) throw new InvalidArgumentError("Two more ports must follow: 65533 is the last.");
  return port;
}
