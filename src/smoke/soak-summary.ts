import { addOutcome, type CheckState, mostKept, newCheckState, type Outage, openOutage } from "./soak-check-state.ts";
import { addGuest, type GuestState, newGuestState } from "./soak-guest-state.ts";
import { type LatencyPercentiles, percentilesOf } from "./soak-latency.ts";
import type { SoakLine, SoakSample } from "./soak-record.ts";
import { addToSeries, newSeries, type SoakSeries } from "./soak-series.ts";

/** What a soak has seen so far, in bounded memory. It is made of the lines of its file, so that another process makes the same of them. */
export interface SoakSummary {
  samples: number;
  /** First and last sample. */
  firstMs?: number | undefined;
  lastMs?: number | undefined;
  intervalMs: number;
  timeoutMs: number;
  /** Another process goes on: what the one before saw last holds no longer than this. */
  handedOverMs?: number | undefined;
  readonly checks: Map<string, CheckState>;
  readonly guest: GuestState;
  /** Times when nobody looked: no outages. The latest. */
  readonly gaps: { readonly fromMs: number; readonly toMs: number }[];
  gapCount: number;
  gapMs: number;
  readonly series: SoakSeries;
}

/** What a line has changed, in words. */
export interface SoakNews {
  readonly isBad: boolean;
  readonly message: string;
}

export function newSummary(): SoakSummary {
  return {
    ...{ samples: 0, intervalMs: 0, timeoutMs: 0, gapCount: 0, gapMs: 0, gaps: [] },
    ...{ checks: new Map(), guest: newGuestState(), series: newSeries() },
  };
}

export function addLine(summary: SoakSummary, line: SoakLine): SoakNews[] {
  if ("start" in line) {
    summary.handedOverMs = summary.intervalMs;
    summary.intervalMs = line.intervalMs;
    summary.timeoutMs = line.timeoutMs;
    return [];
  }
  return "at" in line ? addSample(summary, line) : [];
}

function addSample(summary: SoakSummary, sample: SoakSample): SoakNews[] {
  const { at } = sample;
  const longestMs = summary.handedOverMs ?? longestHoldMs(summary);
  summary.handedOverMs = undefined;
  const news: SoakNews[] = [];
  const { lastMs } = summary;
  if (lastMs !== undefined && at - lastMs > longestMs) {
    summary.gaps.push({ fromMs: lastMs + longestMs, toMs: at });
    if (summary.gaps.length > mostKept) summary.gaps.shift();
    summary.gapCount++;
    summary.gapMs += at - lastMs - longestMs;
  }
  for (const [name, outcome] of Object.entries(sample.checks)) {
    const state = summary.checks.get(name) ?? newCheckState();
    summary.checks.set(name, state);
    const before = openOutage(state);
    addOutcome(state, at, outcome, longestMs);
    const now = openOutage(state);
    if (now !== undefined && now.fromMs !== before?.fromMs)
      news.push({ isBad: true, message: `${name}: ${now.fault}` });
    if (before !== undefined && now === undefined)
      news.push({ isBad: false, message: `${name}: passes again after ${Math.round((at - before.fromMs) / 1000)} s` });
  }
  for (const { detail } of addGuest(summary.guest, sample)) news.push({ isBad: true, message: detail });
  addToSeries(summary.series, sample);
  summary.samples++;
  summary.firstMs ??= at;
  summary.lastMs = at;
  return news;
}

/** What was seen holds until the next look. If that does not come in two intervals and the time that a check may take, nobody looked: this host slept, say. */
function longestHoldMs({ intervalMs, timeoutMs }: SoakSummary): number {
  return 2 * intervalMs + timeoutMs;
}

/** How long it is known how things were, without the time when nobody looked. What was seen last counts for one interval. */
export function observedMs(summary: SoakSummary): number {
  const { firstMs, lastMs, gapMs, intervalMs } = summary;
  if (firstMs === undefined || lastMs === undefined) return 0;
  return Math.max(0, lastMs - firstMs - gapMs) + intervalMs;
}

export interface CheckFigures {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** From 0 to 1, of the time. */
  readonly availability: number;
  readonly downMs: number;
  readonly outageCount: number;
  /** The latest, oldest first. */
  readonly outages: readonly Outage[];
  /** Of the checks that passed. */
  readonly latency?: LatencyPercentiles | undefined;
}

export function checkFigures(summary: SoakSummary): CheckFigures[] {
  return [...summary.checks].map(([name, state]) => {
    const { passed, failed, outageCount, outages, latency } = state;
    const isDown = openOutage(state) !== undefined;
    const knownMs = state.observedMs + summary.intervalMs;
    const downMs = state.downMs + (isDown ? summary.intervalMs : 0);
    const availability = knownMs === 0 ? passed / Math.max(1, passed + failed) : 1 - downMs / knownMs;
    return { name, passed, failed, availability, downMs, outageCount, outages, latency: percentilesOf(latency) };
  });
}
