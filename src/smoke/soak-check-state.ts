import { addLatency, type LatencyHistogram, newHistogram } from "./soak-latency.ts";

/** A time during which a check did not pass. Milliseconds since 1970. */
export interface Outage {
  readonly fromMs: number;
  /** Undefined: it goes on. */
  readonly toMs?: number | undefined;
  /** What was wrong first. */
  readonly fault: string;
  readonly failures: number;
}

/** What is known of one check so far. What it last saw holds until it looks again. */
export interface CheckState {
  passed: number;
  failed: number;
  /** How long it is known how things were. */
  observedMs: number;
  downMs: number;
  readonly latency: LatencyHistogram;
  /** The latest, the one that goes on last. */
  readonly outages: Outage[];
  outageCount: number;
  last?: { readonly atMs: number; readonly ok: boolean } | undefined;
}

/** So many are kept: all of them are in the file. */
export const mostKept = 1000;

export function newCheckState(): CheckState {
  return {
    ...{ passed: 0, failed: 0, observedMs: 0, downMs: 0, outageCount: 0 },
    latency: newHistogram(),
    outages: [],
  };
}

/** @param longestMs how long what was last seen holds at most: after that nobody looked */
export function addOutcome(
  state: CheckState,
  atMs: number,
  { ms, fault }: { readonly ms: number; readonly fault?: string | undefined },
  longestMs: number,
): void {
  settle(state, atMs, longestMs);
  const ok = fault === undefined;
  const open = openOutage(state);
  if (ok) {
    state.passed++;
    addLatency(state.latency, ms);
    if (open !== undefined) state.outages.splice(-1, 1, { ...open, toMs: Math.max(atMs, open.fromMs) });
  } else {
    state.failed++;
    if (open !== undefined) state.outages.splice(-1, 1, { ...open, failures: open.failures + 1 });
    else {
      state.outages.push({ fromMs: atMs, fault, failures: 1 });
      state.outageCount++;
      if (state.outages.length > mostKept) state.outages.shift();
    }
  }
  state.last = { atMs, ok };
}

export function openOutage({ outages }: CheckState): Outage | undefined {
  const last = outages.at(-1);
  return last?.toMs === undefined ? last : undefined;
}

/** Counts the time since it was last looked; an outage does not go on where nobody looked. */
function settle(state: CheckState, atMs: number, longestMs: number): void {
  const { last } = state;
  if (last === undefined) return;
  const passedMs = Math.max(0, atMs - last.atMs);
  const heldMs = Math.min(passedMs, longestMs);
  state.observedMs += heldMs;
  if (!last.ok) state.downMs += heldMs;
  const open = openOutage(state);
  if (passedMs > longestMs && open !== undefined) state.outages.splice(-1, 1, { ...open, toMs: last.atMs + longestMs });
}
