import { CloudimgError } from "../core/errors.ts";
import { type AttemptOptions, tryUntilPassed } from "./attempts.ts";
import { type HttpCheck, judgeAnswer, judgeCommand, nameOfHttp, nameOfSsh, type SshCheck } from "./checks.ts";
import { type HttpTarget, httpRequest } from "./http-request.ts";
import type { SmokeResult } from "./result.ts";
import { type SshSession, type SshTarget, sshSession } from "./ssh-session.ts";

export interface SmokeRequest {
  readonly ssh?: SshTarget | undefined;
  readonly http?: HttpTarget | undefined;
  readonly checks: { readonly ssh: readonly SshCheck[]; readonly http: readonly HttpCheck[] };
  /** For each check that has no deadline of its own. */
  readonly defaultTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Resolves with a reason if the instance ends: no check waits any longer then. */
  readonly died?: Promise<string> | undefined;
  /** Told each verdict when it is known. */
  readonly onResult?: ((result: SmokeResult) => void) | undefined;
}

export interface SmokeOutcome {
  readonly ok: boolean;
  /** ssh checks first, each kind in the order of the profile. */
  readonly results: readonly SmokeResult[];
  /** `SHA256:…` of the host key that the ssh server showed. */
  readonly fingerprint: string | undefined;
}

/**
 * Runs all checks. Commands run one after the other over one connection, for they may build on each other; requests run meanwhile. A check's
 * time begins with its first attempt. When nobody could log in in all of one check's time, ssh checks after it that have no more time are not tried.
 */
export async function runSmoke(request: SmokeRequest): Promise<SmokeOutcome> {
  const { checks, http, onResult, defaultTimeoutMs, signal, died } = request;
  const startedMs = performance.now();
  const session = request.ssh === undefined ? undefined : sshSession(request.ssh);
  const measure = async (
    name: string,
    kind: SmokeResult["kind"],
    timeoutMs: number,
    attempt: Parameters<typeof tryUntilPassed>[1],
  ): Promise<SmokeResult> => {
    const options: AttemptOptions = { timeoutMs, signal, died };
    const verdict = await tryUntilPassed(options, attempt);
    const result = { ...verdict, name, kind, finishedMs: performance.now() - startedMs };
    onResult?.(result);
    return result;
  };
  const runHttp = async (target: HttpTarget) => {
    const results: SmokeResult[] = [];
    for (const check of checks.http) {
      const attempt = async (stop: AbortSignal) =>
        judgeAnswer(check, await httpRequest(target, check.path, check.tls, stop));
      results.push(await measure(nameOfHttp(check), "http", check.timeout ?? defaultTimeoutMs, attempt));
    }
    return results;
  };
  const runSsh = async (shared: SshSession) => {
    const results: SmokeResult[] = [];
    let unreached: { timeoutMs: number; result: SmokeResult } | undefined;
    for (const check of checks.ssh) {
      const name = nameOfSsh(check);
      const timeoutMs = check.timeout ?? defaultTimeoutMs;
      if (unreached !== undefined && timeoutMs <= unreached.timeoutMs) {
        const result = skipped(name, unreached.result);
        onResult?.(result);
        results.push(result);
        continue;
      }
      const attempt = async (stop: AbortSignal) => judgeCommand(check, await shared.run(check.run, stop));
      const result = await measure(name, "ssh", timeoutMs, attempt);
      unreached = shared.hasLoggedIn() ? undefined : { timeoutMs, result };
      results.push(result);
    }
    return results;
  };
  try {
    const both = [session && runSsh(session), http && runHttp(http)];
    const results = (await Promise.all(both)).flatMap((some) => some ?? []);
    return { ok: results.every(({ ok }) => ok), results, fingerprint: session?.fingerprint() };
  } finally {
    session?.close();
  }
}

function skipped(name: string, { code, finishedMs }: SmokeResult): SmokeResult {
  const detail = "not tried: the check before it could not log in";
  return { name, kind: "ssh", ok: false, durationMs: 0, finishedMs, attempts: 0, detail, code };
}

/**
 * The error for an outcome with failed checks.
 *
 * @param consoleLines the last ones of the instance's console, if it has one
 */
export function smokeError(results: readonly SmokeResult[], consoleLines: readonly string[] = []): CloudimgError {
  const failed = results.filter(({ ok }) => !ok);
  const shown = consoleLines.map((line) => `  ${line}`).join("\n");
  return new CloudimgError(
    failed.map(({ name, detail, code, attempts }, index) => ({
      code: code ?? "check/failed",
      message: `check "${name}" did not pass: ${detail}${attempts > 1 ? ` (${attempts} attempts)` : ""}`,
      hint: index === failed.length - 1 && shown !== "" ? `the console's last lines:\n${shown}` : undefined,
    })),
  );
}
