import { setTimeout as sleep } from "node:timers/promises";
import type { ErrorCode } from "../core/error-codes.ts";

/** Why an attempt did not pass. */
export class AttemptFailure extends Error {
  override readonly name = "AttemptFailure";
  readonly code: ErrorCode;
  /** Whether a later attempt may pass. */
  readonly final: boolean;

  constructor(message: string, options: { final?: boolean; code?: ErrorCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code ?? "check/failed";
    this.final = options.final ?? false;
  }
}

export interface Verdict {
  readonly ok: boolean;
  readonly attempts: number;
  readonly durationMs: number;
  readonly detail: string;
  readonly code?: ErrorCode | undefined;
}

export interface AttemptOptions {
  /** For all attempts together. The first is always made. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Resolves with a reason when further attempts are pointless. */
  readonly died?: Promise<string> | undefined;
}

const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Tries a check until it passes, fails for good, or its time is up; waits longer and longer in between. What is under way when the time is up
 * is given up, through the signal that `attempt` is given.
 *
 * @param attempt one try; returns what it saw, throws AttemptFailure
 */
export async function tryUntilPassed(
  options: AttemptOptions,
  attempt: (signal: AbortSignal) => Promise<string>,
): Promise<Verdict> {
  const { timeoutMs, signal, died } = options;
  const startedMs = performance.now();
  const leftMs = () => startedMs + timeoutMs - performance.now();
  const givenUp = new AbortController();
  let deathReason: string | undefined;
  void died?.then((reason) => {
    deathReason = reason;
    givenUp.abort();
  });
  const timer = setTimeout(() => givenUp.abort(), timeoutMs);
  const either = AbortSignal.any([signal, givenUp.signal]);
  const verdict = (ok: boolean, detail: string, code?: ErrorCode): Verdict => ({
    ok,
    attempts,
    durationMs: performance.now() - startedMs,
    detail,
    code,
  });
  let attempts = 0;
  let problem: AttemptFailure | undefined;
  try {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      attempts++;
      try {
        return verdict(true, await attempt(AbortSignal.any([either])));
      } catch (error) {
        signal.throwIfAborted();
        if (deathReason !== undefined)
          return verdict(false, `the instance ended: ${deathReason}`, "check/instance-died");
        // An attempt that was cut off says less than one that was not.
        if (!(error instanceof AttemptFailure)) {
          if (!givenUp.signal.aborted) throw error;
          problem ??= new AttemptFailure("no answer");
        } else problem = error;
        if (problem.final) return verdict(false, problem.message, problem.code);
        if (leftMs() <= 0) return verdict(false, problem.message, problem.code);
      }
      await sleep(Math.min(pauseMs, Math.max(1, leftMs())), undefined, { signal: either }).catch(() => {});
      signal.throwIfAborted();
      if (leftMs() <= 0) return verdict(false, problem.message, problem.code);
    }
  } finally {
    clearTimeout(timer);
  }
}
