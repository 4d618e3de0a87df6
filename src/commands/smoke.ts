import { Option } from "commander";
import type { Invocation, Verb } from "./command.ts";
import { positiveInteger, seconds } from "./options.ts";

interface Options {
  readonly ssh?: string;
  readonly key?: string;
  readonly hostKey?: string[];
  readonly run?: string[];
  readonly http?: string;
  readonly insecure?: boolean;
  readonly status?: number;
  readonly body?: string;
  readonly timeout: number;
}

export const smoke: Verb = {
  name: "smoke",
  summary: "check any host over ssh and HTTP",
  examples: [
    "cloudimg smoke --http http://127.0.0.1:9080/ --body 'It works'",
    "cloudimg smoke --ssh root@192.0.2.7 --key ~/.ssh/id_ed25519 --run 'uname -a' --run 'nginx -t'",
  ],
  args: [],
  options: [
    new Option("--ssh <USER@HOST[:PORT]>", "where to log in"),
    new Option("--key <FILE>", "private key to log in with"),
    new Option("--host-key <LINE...>", "host keys that are accepted; default: the first one seen, which is reported"),
    new Option("--run <COMMAND...>", "commands that must end with exit code 0"),
    new Option("--http <URL>", "a page that must answer"),
    new Option("--insecure", "accept certificates that nobody vouches for"),
    new Option("--status <N>", "the status that the page must have").argParser(positiveInteger).default(200),
    new Option("--body <REGEXP>", "what the page's body must match"),
    new Option("--timeout <SECONDS>", "how long each check is tried again").argParser(seconds).default(30),
  ],
  async run({ options, context, result }: Invocation<Options>) {
    const { fail } = await import("../core/errors.ts");
    const { runSmoke, smokeError } = await import("../smoke/run.ts");
    const { smokeTargets } = await import("../smoke/targets.ts");
    const { instanceDial } = await import("../providers/led-connection.ts");
    if (options.ssh === undefined && options.http === undefined)
      fail("usage/arguments", "cannot check anything: neither --ssh nor --http is given", {
        hint: "for example: cloudimg smoke --http http://127.0.0.1:9080/",
      });
    const { ssh, http, checks } = smokeTargets(options, instanceDial(context.environment));
    const outcome = await runSmoke({
      ssh,
      http,
      checks,
      defaultTimeoutMs: options.timeout * 1000,
      signal: context.signal,
      onResult: ({ ok, name, detail }) =>
        context.emit({ type: "log", level: "info", message: `${ok ? "passed" : "FAILED"}: ${name}: ${detail}` }),
    });
    if (!outcome.ok) throw smokeError(outcome.results);
    const fingerprint = outcome.fingerprint === undefined ? "" : `\nhost key ${outcome.fingerprint}`;
    result(`${outcome.results.length} checks passed${fingerprint}`, outcome);
    return 0;
  },
};
