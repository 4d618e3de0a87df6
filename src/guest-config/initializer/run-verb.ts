import { analyze } from "./analyze.ts";
import { clean } from "./clean.ts";
import type { Host } from "./host.ts";
import { query } from "./query.ts";
import { showStatus } from "./show-status.ts";
import type { VerbResult } from "./verb-result.ts";

const usage = `cloudimg-init: configures this instance from what its cloud tells it

  cloudimg-init boot        at each boot, before the services: find the source, set up name, network, keys, users, files
  cloudimg-init final       at each boot, after them: run the scripts of the user
  cloudimg-init status [--wait] [--long] [--format text|json]
                            how it went; exit code 0 done, 1 failed or not run, 2 done with errors
  cloudimg-init query --all | --list-keys | NAME
                            what the cloud says of this instance, for example: query v1.local_hostname
  cloudimg-init analyze [show|blame]
                            how long each phase took
  cloudimg-init clean [--logs] [--seed] [--machine-id] [--reboot]
                            forget this instance, so that the next boot is a first one
  cloudimg-init --help
`;

const verbs: Readonly<Record<string, (host: Host, args: readonly string[]) => VerbResult>> = {
  status,
  query,
  analyze,
  clean,
};

/** Everything but `boot` and `final`. The verb's own output and its exit code; 2 for wrong usage. */
export function runVerb(host: Host, args: readonly string[]): { text: string; error: string; exitCode: number } {
  const [name = "", ...rest] = args;
  if (["--help", "-h", "help"].includes(name) || (verbs[name] !== undefined && rest.includes("--help")))
    return { text: usage, error: "", exitCode: 0 };
  const result = verbs[name]?.(host, rest) ?? { isMisused: true };
  if (result.isMisused === true) return { text: "", error: usage, exitCode: 2 };
  const error = result.error === undefined ? "" : `cloudimg-init: ${result.error}\n`;
  return { text: result.text ?? "", error, exitCode: result.exitCode ?? (error === "" ? 0 : 1) };
}

function status(host: Host, args: readonly string[]): VerbResult {
  let wait = false;
  let format: "text" | "json" | "long" = "text";
  const words = args.flatMap((word) => word.split("="));
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === "--wait" || word === "-w") wait = true;
    else if (word === "--long" || word === "-l") format = "long";
    else if (word === "--format") {
      at++;
      if (words[at] !== "json" && words[at] !== "text" && words[at] !== "tabular") return { isMisused: true };
      if (words[at] === "json") format = "json";
    } else return { isMisused: true };
  }
  return showStatus(host, { wait, format });
}
