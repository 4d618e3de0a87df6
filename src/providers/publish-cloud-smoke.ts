import { once } from "node:events";
import { type Context, step } from "../core/context.ts";
import { CloudimgError, fail } from "../core/errors.ts";
import type { Profile } from "../profile/schema.ts";
import { AttemptFailure, tryUntilPassed } from "../smoke/attempts.ts";
import { httpRequest } from "../smoke/http-request.ts";
import type { SmokeResult } from "../smoke/result.ts";
import { runSmoke, type SmokeRequest, smokeError } from "../smoke/run.ts";
import { observeBoot } from "./boot-observer.ts";
import type { Cloud } from "./cloud.ts";
import { httpsPort } from "./cloud-configuration.ts";
import type { Connection } from "./connection.ts";
import type { SmokeSubject, SmokeVerdict } from "./publish-cloud-request.ts";
import { watchInstance } from "./publish-cloud-watch.ts";

/** Until the first port answers, by this host's clock: a cloud takes its time, and so does a disk that is fetched as it is read. */
const bootTimeoutMs = 5 * 60_000;
/** A port that is silent for so long is asked again. */
const answerMs = 5_000;
/** Of an instance that never answered, each check is tried once more, to say what is wrong. */
const lastTryMs = 6_000;
const linesInErrors = 12;

export interface CloudSmoke {
  readonly cloud: Pick<Cloud, "instances" | "capabilities">;
  readonly connection: Pick<Connection, "dial">;
  readonly profile: Pick<Profile, "image" | "instance" | "services" | "smoke">;
  /** In OpenSSH's file format. */
  readonly privateKey: string;
  /** The key that the instance was told to have: `ssh-ed25519 AAAA…`. Without one, and where no console tells others, the first that is seen is trusted. */
  readonly hostKeyLine?: string | undefined;
  readonly bootTimeoutMs?: number | undefined;
  readonly watchEveryMs?: number | undefined;
  /** Told each verdict, of those that did not pass too. */
  readonly onResult?: ((result: SmokeResult) => void) | undefined;
}

/**
 * Waits until an instance answers, then does the profile's checks over ssh and HTTP. When the instance ends by itself they stop.
 *
 * Errors: `check/…`
 */
export async function smokeInCloud(smoke: CloudSmoke, subject: SmokeSubject, context: Context): Promise<SmokeVerdict> {
  const watch = watchInstance(smoke.cloud, subject.id, context, smoke.watchEveryMs);
  try {
    const port = portToAsk(smoke.profile);
    const isUp = await step(context, "boot", "Wait for the instance to answer", async ({ note }) => {
      if (port === undefined) {
        note("it serves nothing that could be asked");
        return true;
      }
      const verdict = await awaitAnswer(smoke, subject, port, watch.died, context.signal);
      note(verdict.detail);
      if (!verdict.ok)
        fail(verdict.code ?? "check/failed", `the instance never answered: ${verdict.detail}`, { hint: lookAtConsole });
      return true;
    }).catch((error: unknown) => {
      // With checks they say what is wrong.
      if (context.signal.aborted || !isSilence(error) || countChecks(smoke) === 0) throw error;
      return false;
    });
    const observer = observeBoot();
    for (const line of ((await consoleOf(smoke, subject)) ?? "").split("\n")) observer.line(line.replace(/\r$/, ""));
    return await step(context, "smoke-checks", "Check ssh and HTTP", async ({ note }) => {
      const outcome = await allChecks(smoke, subject, isUp, {
        hostKeys: () => [...(smoke.hostKeyLine === undefined ? [] : [smoke.hostKeyLine]), ...observer.hostKeys()],
        died: watch.died,
        signal: context.signal,
      });
      const { results, fingerprint } = outcome;
      note(
        results.length === 0
          ? "the profile has no checks"
          : `${results.filter(({ ok }) => ok).length} of ${results.length} checks passed`,
      );
      if (results.some(({ ok }) => !ok)) {
        const lines = await lastLines(smoke, subject);
        throw withSteps(smokeError(results, lines), isUp);
      }
      return { results, hostKeyFingerprint: fingerprint };
    });
  } finally {
    watch.stop();
  }
}

const lookAtConsole =
  "look at the console (cloudimg runs show), whether it boots and gets an address; set publish.keepFailed to keep the image, and launch it by hand";

function isSilence(error: unknown): boolean {
  return error instanceof CloudimgError && error.code.startsWith("check/");
}

/** The first problem says what to do: with others the same is done. */
function withSteps(error: CloudimgError, isUp: boolean): CloudimgError {
  const [first, ...others] = error.problems;
  const steps = !isUp
    ? lookAtConsole
    : first.code === "check/host-key"
      ? "somebody else may answer at that address: try again. An image that makes host keys of its own has to print them on its console"
      : undefined;
  if (steps === undefined) return error;
  const hint = [...(first.hint === undefined ? [] : [first.hint]), steps].join("\n");
  return new CloudimgError([{ ...first, hint }, ...others], { cause: error.cause });
}

function countChecks({ profile: { smoke } }: CloudSmoke): number {
  return smoke.ssh.length + smoke.http.length;
}

/** What proves that a guest lives: a connection alone may be somebody's who forwards it. */
interface AskedPort {
  readonly port: number;
  /** What a web server is asked for. Undefined: an ssh server, which speaks first (RFC 4253 §4.2). */
  readonly page?: { readonly path: string; readonly tls: boolean } | undefined;
}

/** The first of those that the checks need, else that of a service. Undefined: nothing is served, which a kernel of one's own may well do. */
function portToAsk({ image, services, smoke }: CloudSmoke["profile"]): AskedPort | undefined {
  const [first] = smoke.http;
  if (smoke.ssh.length > 0) return { port: services.ssh.port };
  if (first !== undefined) return { port: first.tls ? httpsPort : services.http.port, page: first };
  if (image.system === "none") return undefined;
  if (services.ssh.enabled) return { port: services.ssh.port };
  return services.http.enabled ? { port: services.http.port, page: { path: "/", tls: false } } : undefined;
}

async function awaitAnswer(
  { connection, bootTimeoutMs: timeoutMs = bootTimeoutMs }: CloudSmoke,
  { address }: SmokeSubject,
  { port, page }: AskedPort,
  died: Promise<string>,
  signal: AbortSignal,
) {
  return await tryUntilPassed({ timeoutMs, signal, died }, async (stop) => {
    const either = AbortSignal.any([stop, AbortSignal.timeout(answerMs)]);
    if (page !== undefined) {
      const target = { host: address, port, acceptSelfSigned: true, dial: connection.dial };
      const { status } = await httpRequest(target, page.path, page.tls, stop);
      return `${address}:${port} answers (HTTP ${status})`;
    }
    try {
      const socket = await connection.dial({ host: address, port }, either);
      try {
        const ended = once(socket, "end", { signal: either }).then(() => false);
        ended.catch(() => {});
        const readable = once(socket, "readable", { signal: either });
        if ((await Promise.race([readable, ended])) === false) throw new Error("it closes the connection");
        return `${address}:${port} answers`;
      } finally {
        socket.on("error", () => {}).destroy();
      }
    } catch (error) {
      if (stop.aborted) throw error;
      const reason = either.aborted ? "no answer" : error instanceof Error ? error.message : String(error);
      throw new AttemptFailure(`cannot connect to ${address}:${port}: ${reason}`, { cause: error });
    }
  });
}

/** Those of HTTPS have a port of their own. */
async function allChecks(
  { profile, connection, privateKey, hostKeyLine, onResult }: CloudSmoke,
  { address: host }: SmokeSubject,
  isUp: boolean,
  { hostKeys, died, signal }: Pick<SmokeRequest, "died" | "signal"> & { readonly hostKeys: () => readonly string[] },
): Promise<{ readonly results: readonly SmokeResult[]; readonly fingerprint: string | undefined }> {
  const { instance, services, smoke } = profile;
  const { dial } = connection;
  const inTime = <C extends { readonly timeout?: number | undefined }>(checks: readonly C[]): readonly C[] =>
    isUp ? checks : checks.map((check) => ({ ...check, timeout: lastTryMs }));
  const common = { defaultTimeoutMs: isUp ? smoke.timeout : lastTryMs, signal, died, onResult };
  const isKnown = hostKeyLine !== undefined || hostKeys().length > 0;
  const ssh = {
    ...{ host, port: services.ssh.port, user: instance.user, privateKey, dial },
    ...(isKnown && { hostKeys }),
  };
  const http = { host, port: services.http.port, acceptSelfSigned: true, dial };
  const [plain, secure] = [false, true].map((wanted) => inTime(smoke.http.filter(({ tls }) => tls === wanted)));
  const [first, second] = await Promise.all([
    runSmoke({ ...common, ssh, http, checks: { ssh: inTime(smoke.ssh), http: plain ?? [] } }),
    runSmoke({ ...common, http: { ...http, port: httpsPort }, checks: { ssh: [], http: secure ?? [] } }),
  ]);
  return { results: [...first.results, ...second.results], fingerprint: first.fingerprint };
}

async function consoleOf({ cloud }: CloudSmoke, subject: SmokeSubject): Promise<string | undefined> {
  if (cloud.capabilities.console === "none") return undefined;
  return await subject.console().catch(() => undefined);
}

async function lastLines(smoke: CloudSmoke, subject: SmokeSubject): Promise<string[]> {
  const lines = ((await consoleOf(smoke, subject)) ?? "").split(/\r?\n/);
  return lines.filter((line) => line.trim() !== "").slice(-linesInErrors);
}
