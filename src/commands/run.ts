import { Argument, Option } from "commander";
import { type Firmware, firmwares } from "../profile/machine-words.ts";
import type { PlayedCloudName } from "../providers/played-clouds.ts";
import type { BuildOptions } from "./built.ts";
import type { Invocation, Verb } from "./command.ts";
import { allowExpiredOption, lockedOption, mirrorOption, outputOption } from "./options.ts";

/** The names of the providers' played clouds, here so that --help need not load them; a test compares. */
export const playedCloudNames = [
  "tencent",
  "alibaba",
  "huawei",
  "openstack",
] as const satisfies readonly PlayedCloudName[];

interface Options extends BuildOptions {
  readonly key?: string[];
  readonly userData?: string;
  readonly debug?: boolean;
  readonly display?: boolean;
  readonly as?: PlayedCloudName;
  readonly firmware?: Firmware;
  readonly kernel?: string;
  readonly initrd?: string;
  readonly append?: string;
}

export const run: Verb = {
  name: "run",
  summary: "boot an image with its console on this terminal",
  examples: [
    "cloudimg run local --key ~/.ssh/id_ed25519.pub   # builds it first",
    "cloudimg run out/local.qcow2",
    "cloudimg run local --user-data setup.yaml   # see what an instance makes of it",
    "cloudimg run debian-13-generic-amd64.qcow2 --firmware uefi-secure",
    "cloudimg run local --as alibaba --key ~/.ssh/id_ed25519.pub   # as in an ECS: DHCP, and 100.100.100.200 answers",
    "cloudimg run out/local.raw --debug   # waits for gdb",
  ],
  args: [new Argument("[PROFILE|IMAGE]", "a profile (which is built) or an image file").default("local")],
  options: [
    new Option("--key <FILE...>", "files with public keys that may log in as root"),
    new Option("--user-data <FILE>", "instead of the profile's: a script, cloud-config, …"),
    new Option("--as <CLOUD>", "be an instance of that cloud: its DMI, metadata service, addresses and CD").choices(
      playedCloudNames,
    ),
    new Option("--debug", "wait for gdb on loopback before the first instruction"),
    new Option("--firmware <NAME>", "what starts the machine; default: what the image boots by").choices(firmwares),
    new Option("--kernel <FILE>", "hand this kernel to the machine, for a disk without a boot loader"),
    new Option("--initrd <FILE>", "the initrd that goes with --kernel"),
    new Option("--append <TEXT>", "the command line that goes with --kernel"),
    new Option("--display", "open a window with the machine's screen"),
    outputOption,
    mirrorOption,
    lockedOption,
    allowExpiredOption,
  ],
  async run({ args, options, context, result, terminal }: Invocation<Options>) {
    const { runMachine } = await import("./running.ts");
    const why = await runMachine(args[0] as string, options, terminal, context);
    result(`the machine ended: ${why}`, { why });
    return 0;
  },
};
