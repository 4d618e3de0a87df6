import { fail } from "../core/errors.ts";
import type { Connection } from "./connection.ts";
import { isPassing } from "./poll-passing.ts";

/** First wait, growth and longest wait between two questions: quick enough to notice, slow enough not to be throttled. */
const firstWaitMs = 5_000;
const growth = 1.5;
const longestWaitMs = 30_000;

/** Of each wait, up to this part is taken off by chance, so that many runs do not ask all at once. */
const jitter = 0.2;

/** So many refusals in a row, each for a reason that does not pass by itself (a permission withdrawn, for example), are believed. */
const believedRefusals = 5;

export type Clock = Pick<Connection, "now" | "sleep">;

export interface PollOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For the error: what is waited for, as in "cannot …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** What to do when it took too long. */
  readonly hint?: string;
  /** Told of each question that failed. */
  readonly onFault?: (error: unknown) => void;
}

/** The wait before the n-th further question (n from 0), before chance shortens it. */
export function pollWaitMs(n: number): number {
  return Math.min(longestWaitMs, firstWaitMs * growth ** n);
}

/** Waits before the n-th further try of something. Rejects with the signal's reason. */
export async function waitTurn(n: number, clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(pollWaitMs(n) * (1 - jitter * Math.random()), signal);
}

/**
 * Asks until there is an answer. A question that fails is asked again, whatever the failure: one lost answer in two hours of waiting must not end a run. What
 * `settled` throws is final.
 *
 * @param ask a question to the cloud, which may fail
 * @param settled what the answer means: undefined to go on waiting
 *
 * Errors: `cloud/timeout`; the last failure of `ask`, if it was refused for good five times in a row.
 */
export async function poll<A, T>(
  options: PollOptions,
  ask: () => Promise<A>,
  settled: (answer: A) => T | undefined,
): Promise<T> {
  const { clock, signal, what, timeoutMs, hint, onFault } = options;
  const deadlineMs = clock.now() + timeoutMs;
  let lastFault: unknown;
  let refusals = 0;
  for (let n = 0; ; n++) {
    signal.throwIfAborted();
    const answer = await ask().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if ("value" in answer) {
      [lastFault, refusals] = [undefined, 0];
      const result = settled(answer.value);
      if (result !== undefined) return result;
    } else {
      signal.throwIfAborted();
      lastFault = answer.error;
      onFault?.(lastFault);
      refusals = isPassing(lastFault) ? 0 : refusals + 1;
      if (refusals >= believedRefusals) throw lastFault;
    }
    if (clock.now() >= deadlineMs) timedOut(what, timeoutMs, lastFault, hint);
    await waitTurn(n, clock, signal);
  }
}

/** Asks until there is an answer, whatever it is: for what must not fail because of one lost packet. Errors: as `poll`. */
export async function persist<T>(options: PollOptions, ask: () => Promise<T>): Promise<T> {
  const answer = await poll(options, ask, (value) => ({ value }));
  return answer.value;
}

function timedOut(what: string, timeoutMs: number, fault: unknown, hint: string | undefined): never {
  const minutes = Math.round(timeoutMs / 60_000);
  const last = fault instanceof Error ? `; the last question failed: ${fault.message}` : "";
  fail("cloud/timeout", `cannot ${what}: it took longer than ${minutes} minutes${last}`, {
    ...(hint !== undefined && { hint }),
    cause: fault,
  });
}
