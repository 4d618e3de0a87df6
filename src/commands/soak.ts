import { Argument, InvalidArgumentError, Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { positiveInteger } from "./options.ts";
import type { SoakOptions } from "./soaking-target.ts";

export const soak: Verb = {
  name: "soak",
  summary: "watch an instance for hours or days over ssh and HTTP",
  examples: [
    "cloudimg soak local-1a2b3c4d --duration 72h",
    "cloudimg soak --http http://192.0.2.7/ --ssh root@192.0.2.7 --key ~/.ssh/id_ed25519 --duration 72h --interval 10s",
    "cloudimg soak local-1a2b3c4d --duration 1h --min-availability 100   # exit code 8 if it is less",
  ],
  args: [new Argument("[TARGET]", "a local instance; of others tell --ssh and --http")],
  options: [
    new Option("--duration <TIME>", "for how long: 30m, 72h, 7d").argParser(durationMs).default(259_200_000, "72h"),
    new Option("--interval <TIME>", "how often to look").argParser(intervalMs).default(30_000, "30s"),
    new Option("--timeout <TIME>", "how long each check may take").argParser(intervalMs).default(10_000, "10s"),
    new Option("--min-availability <PERCENT>", "less than this is a failure").argParser(percent).default(99.9),
    new Option("--report <FILE>", "the HTML report; default: soak-NAME.html"),
    new Option("--state <FILE>", "the samples; default: in the data directory"),
    new Option("--restart", "begin anew, instead of going on with what was seen before"),
    new Option("--ssh <USER@HOST[:PORT]>", "where to log in"),
    new Option("--user <NAME>", "who logs in to a local instance").default("root"),
    new Option("--key <FILE>", "private key to log in with; default: that of the local instance"),
    new Option(
      "--host-key <LINE...>",
      "host keys that are accepted; default: those on the local instance's console, else the first one seen",
    ),
    new Option("--run <COMMAND...>", "commands that must end with exit code 0"),
    new Option("--process <NAME...>", "programs in the guest whose restarts are told, as pidof knows them"),
    new Option("--http <URL>", "a page that must answer"),
    new Option("--insecure", "accept certificates that nobody vouches for"),
    new Option("--status <N>", "the status that the page must have").argParser(positiveInteger).default(200),
    new Option("--body <REGEXP>", "what the page's body must match"),
  ],
  async run({ args, options, context, result }: Invocation<SoakOptions>) {
    const { soakTarget } = await import("./soaking-target.ts");
    const { soakInstance } = await import("./soaking.ts");
    const { describeSoak } = await import("../report/soak.ts");
    const target = soakTarget(args[0], options, context);
    const { facts, files } = await soakInstance(target, options, context);
    result(describeSoak(facts, files), { ...facts, files });
    return facts.checks.some(({ availability }) => availability < facts.minAvailability) ? 8 : 0;
  },
};

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3600_000, d: 86_400_000 };

/** `90s`, `1.5h`, `7d`; a year at most. */
export function durationMs(text: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,6})?) ?(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const value = Math.round(Number(number) * (unitsMs[unit] ?? Number.NaN));
  if (!(value >= 1 && value <= 366 * 86_400_000))
    throw new InvalidArgumentError("It must be a time with a unit, like 90s, 30m, 72h or 7d, up to a year.");
  return value;
}

function intervalMs(text: string): number {
  const value = durationMs(text);
  if (value < 100 || value > 86_400_000) throw new InvalidArgumentError("It must be from 100ms to 24h.");
  return value;
}

function percent(text: string): number {
  const value = Number(text.replace(/ ?%$/, ""));
  if (text.trim() === "" || !(value >= 0 && value <= 100))
    throw new InvalidArgumentError("It must be a number from 0 to 100.");
  return value;
}
