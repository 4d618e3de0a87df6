import { addLatency, type LatencyHistogram, mergeHistogram, newHistogram } from "./soak-latency.ts";
import type { SoakSample } from "./soak-record.ts";

/** What was seen in one stretch of time. */
export interface SoakBin {
  readonly checks: Map<string, { failed: number; readonly latency: LatencyHistogram }>;
  memory?: { totalBytes: number; leastAvailableBytes: number; mostAvailableBytes: number } | undefined;
}

/** Everything over time in at most so many bins: when there are too many, two become one. */
export interface SoakSeries {
  originMs: number;
  binMs: number;
  /** By number of the bin: those without samples are not there. */
  bins: Map<number, SoakBin>;
}

/** About as many as a chart has pixels. */
const mostBins = 720;
const firstBinMs = 1000;

export function newSeries(): SoakSeries {
  return { originMs: Number.NaN, binMs: firstBinMs, bins: new Map() };
}

export function addToSeries(series: SoakSeries, { at, checks, guest }: SoakSample): void {
  if (Number.isNaN(series.originMs)) series.originMs = at;
  const place = () => Math.max(0, Math.floor((at - series.originMs) / series.binMs));
  while (place() >= mostBins) halve(series);
  const bin = series.bins.get(place()) ?? { checks: new Map() };
  series.bins.set(place(), bin);
  for (const [name, { ms, fault }] of Object.entries(checks)) {
    const own = bin.checks.get(name) ?? { failed: 0, latency: newHistogram() };
    bin.checks.set(name, own);
    if (fault === undefined) addLatency(own.latency, ms);
    else own.failed++;
  }
  if (guest?.availableBytes === undefined || guest.totalBytes === undefined) return;
  const { totalBytes, availableBytes } = guest;
  mergeMemory(bin, { totalBytes, leastAvailableBytes: availableBytes, mostAvailableBytes: availableBytes });
}

function halve(series: SoakSeries): void {
  const bins = new Map<number, SoakBin>();
  for (const [number, bin] of [...series.bins].sort(([a], [b]) => a - b)) {
    const half = number >> 1;
    const first = bins.get(half);
    if (first === undefined) bins.set(half, bin);
    else mergeBin(first, bin);
  }
  series.bins = bins;
  series.binMs *= 2;
}

function mergeBin(into: SoakBin, from: SoakBin): void {
  for (const [name, { failed, latency }] of from.checks) {
    const own = into.checks.get(name);
    if (own === undefined) into.checks.set(name, { failed, latency });
    else {
      own.failed += failed;
      mergeHistogram(own.latency, latency);
    }
  }
  if (from.memory !== undefined) mergeMemory(into, from.memory);
}

function mergeMemory(bin: SoakBin, memory: NonNullable<SoakBin["memory"]>): void {
  const before = bin.memory ?? memory;
  bin.memory = {
    totalBytes: memory.totalBytes,
    leastAvailableBytes: Math.min(before.leastAvailableBytes, memory.leastAvailableBytes),
    mostAvailableBytes: Math.max(before.mostAvailableBytes, memory.mostAvailableBytes),
  };
}
