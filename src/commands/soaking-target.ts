import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { consoleOfInstance, listInstances } from "../machine/instances.ts";
import { observeBoot } from "../providers/boot-observer.ts";
import { instanceDial } from "../providers/led-connection.ts";
import { type SoakCheck, soakHttp, soakSsh } from "../smoke/soak-checks.ts";
import { programName } from "../smoke/soak-guest.ts";
import { type SmokeWords, smokeTargets } from "../smoke/targets.ts";

export interface TargetWords extends SmokeWords {
  readonly user: string;
  readonly process?: readonly string[];
}

/** Durations are milliseconds. */
export interface SoakOptions extends TargetWords {
  readonly duration: number;
  readonly interval: number;
  readonly timeout: number;
  /** Percent. */
  readonly minAvailability: number;
  readonly report?: string;
  readonly state?: string;
  readonly restart?: boolean;
}

export interface SoakTarget {
  /** For names of files. */
  readonly name: string;
  /** What is watched, in words: the same words, the same target. */
  readonly words: readonly string[];
  readonly checks: readonly SoakCheck[];
}

/** Errors: `usage/arguments`, `usage/file`, `host/no-instance`. */
export function soakTarget(id: string | undefined, given: TargetWords, context: Context): SoakTarget {
  const words = id === undefined ? given : { ...localWords(id, given, context), ...withoutUndefined(given) };
  if (words.ssh === undefined && words.http === undefined)
    fail("usage/arguments", "cannot watch anything: neither an instance nor --ssh or --http is given", {
      hint: "cloudimg instances lists the instances on this machine",
    });
  for (const name of words.process ?? [])
    if (!programName.test(name))
      fail("usage/arguments", `cannot watch the program "${name}": that is no name that pidof knows`);
  // A local instance is on this machine: no proxy leads there.
  const dial = id === undefined ? instanceDial(context.environment) : undefined;
  const { ssh, http, checks } = smokeTargets(words, dial);
  const [page] = checks.http;
  const commands = words.run === undefined ? [] : checks.ssh;
  return {
    name: id ?? nameOf(words),
    words: wordsOf(id, words),
    checks: [
      ...(ssh === undefined ? [] : [soakSsh(ssh, commands, words.process ?? [])]),
      ...(http === undefined || page === undefined ? [] : [soakHttp(http, page)]),
    ],
  };
}

/** How a local instance is reached. Without a key only its page is watched. */
function localWords(id: string, given: TargetWords, context: Context): SmokeWords {
  const instances = listInstances(context);
  const found = instances.find((instance) => instance.id === id);
  if (found === undefined || found.state !== "running")
    fail(
      "host/no-instance",
      `cannot watch ${id}: ${found === undefined ? "there is no such instance" : "it does not run"}`,
      {
        hint:
          instances.length === 0
            ? "there are no instances on this machine; tell --ssh and --http of others"
            : `there are: ${instances.map((instance) => instance.id).join(", ")}`,
      },
    );
  const { ssh: sshPort, http: httpPort } = found.ports;
  const kept = join(context.directories.data, "keys", id);
  const key = given.key ?? (existsSync(kept) ? kept : undefined);
  const hasSsh = sshPort !== undefined && key !== undefined;
  if (sshPort !== undefined && key === undefined)
    context.emit({
      ...{ type: "log", level: "warning", message: `ssh of ${id} is not watched: there is no key` },
      hint: "name the private key with --key",
    });
  const hostKeys = hostKeysOf(id, context);
  return {
    ...(hasSsh && { ssh: `${given.user}@127.0.0.1:${sshPort}`, key }),
    ...(hasSsh && hostKeys.length > 0 && { hostKey: hostKeys }),
    ...(httpPort !== undefined && { http: `http://127.0.0.1:${httpPort}/` }),
  };
}

/** Those that it has printed on its console. */
function hostKeysOf(id: string, context: Context): readonly string[] {
  const observer = observeBoot(() => 0);
  for (const line of consoleOfInstance(id, context)) observer.line(line);
  return observer.hostKeys();
}

/** Ports of a local instance may be others after it was started again: it is known by its id. */
function wordsOf(
  id: string | undefined,
  { ssh, http, run = [], process = [] }: TargetWords | (SmokeWords & { process?: readonly string[] }),
): string[] {
  const local = (text: string | undefined) => (id === undefined ? text : text?.replace(/127\.0\.0\.1:\d+/, id));
  return [
    ...(ssh === undefined ? [] : [`ssh ${local(ssh)}`]),
    ...(http === undefined ? [] : [local(http) as string]),
    ...run.map((command) => `run ${command}`),
    ...process.map((name) => `process ${name}`),
  ];
}

/** `192.0.2.7-1a2b3c4d`: the host, and what tells apart what is watched of it. */
function nameOf(words: SmokeWords): string {
  const host = words.http === undefined ? (words.ssh ?? "").replace(/^.*@/, "") : new URL(words.http).host;
  const plain = host
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 60);
  return `${plain}-${canonicalDigest(wordsOf(undefined, words)).slice(0, 8)}`;
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
