import { setTimeout as sleep } from "node:timers/promises";
import { AttemptFailure } from "./attempts.ts";
import type { SoakCheck } from "./soak-checks.ts";
import type { SoakSample } from "./soak-record.ts";

/** Time of day, and waiting for it. Milliseconds since 1970. */
export interface SoakClock {
  now(): number;
  /** Returns at that time, or when the signal is aborted. */
  wait(untilMs: number, signal: AbortSignal): Promise<void>;
}

export const hostClock: SoakClock = {
  now: Date.now,
  wait: async (untilMs, signal) =>
    await sleep(Math.max(0, untilMs - Date.now()), undefined, { signal }).catch(() => {}),
};

export interface SoakRequest {
  readonly checks: readonly SoakCheck[];
  readonly intervalMs: number;
  /** Of each check. */
  readonly timeoutMs: number;
  /** How long it is to go on from now. Asked after each sample. */
  readonly leftMs: () => number;
  readonly clock: SoakClock;
  readonly signal: AbortSignal;
  /** Told each sample; the next one waits for it. */
  readonly onSample: (sample: SoakSample) => Promise<void>;
}

/**
 * Checks at every interval until the time is up or the signal is aborted. All checks of one time run together, and the next time only begins when they are done: what it
 * has missed is skipped. A sample that is cut off by the signal is not told.
 */
export async function runSoak(request: SoakRequest): Promise<void> {
  const { intervalMs, clock, signal, onSample, leftMs } = request;
  const beganMs = clock.now();
  while (!signal.aborted && leftMs() > 0) {
    const sample = await takeSample(request, clock.now());
    if (signal.aborted) return;
    await onSample(sample);
    const nowMs = clock.now();
    // Counted from now: it may be that somebody has set the clock.
    const sinceMs = (((nowMs - beganMs) % intervalMs) + intervalMs) % intervalMs;
    await clock.wait(nowMs + intervalMs - sinceMs, signal);
  }
}

async function takeSample(request: SoakRequest, at: number): Promise<SoakSample> {
  const seen = await Promise.all(request.checks.map((check) => look(check, request)));
  return {
    at,
    checks: Object.fromEntries(seen.map(({ name, ms, fault }) => [name, { ms, fault }])),
    guest: seen.find(({ guest }) => guest !== undefined)?.guest,
    hostKey: seen.find(({ hostKey }) => hostKey !== undefined)?.hostKey,
  };
}

const longestFault = 200;

interface Look extends Awaited<ReturnType<SoakCheck["attempt"]>> {
  readonly name: string;
  readonly ms: number;
  readonly fault?: string | undefined;
}

async function look(check: SoakCheck, { timeoutMs, signal }: SoakRequest): Promise<Look> {
  // One for each look: listeners on a signal that lives for days would pile up.
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal.reason);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  const { name } = check;
  const startedMs = performance.now();
  const elapsed = () => Math.round((performance.now() - startedMs) * 1000) / 1000;
  try {
    const seen = await check.attempt(stop.signal);
    return { name, ms: elapsed(), ...seen };
  } catch (error) {
    if (!(error instanceof AttemptFailure) && !stop.signal.aborted) throw error;
    const reason = stop.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : (error as Error).message;
    return { name, ms: elapsed(), fault: reason.slice(0, longestFault).toWellFormed() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
