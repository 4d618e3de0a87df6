/**
 * Many durations in little memory: how often each was seen, in buckets of which each is 1 % wider than the one before. So percentiles are right to half a percent, however many
 * there are; the least and the greatest are exact. (As HdrHistogram does it, but by logarithms.)
 */
export interface LatencyHistogram {
  count: number;
  /** Milliseconds. */
  leastMs: number;
  greatestMs: number;
  /** Number of durations by bucket: bucket n is from growth^(n-1), excluded, to growth^n. */
  readonly buckets: Map<number, number>;
}

export interface LatencyPercentiles {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly leastMs: number;
  readonly greatestMs: number;
}

const growth = 1.01;
const leastBucketMs = 0.001;

export function newHistogram(): LatencyHistogram {
  return { count: 0, leastMs: Number.POSITIVE_INFINITY, greatestMs: 0, buckets: new Map() };
}

export function addLatency(histogram: LatencyHistogram, ms: number): void {
  const bucket = Math.ceil(Math.log(Math.max(ms, leastBucketMs)) / Math.log(growth));
  histogram.buckets.set(bucket, (histogram.buckets.get(bucket) ?? 0) + 1);
  histogram.count++;
  histogram.leastMs = Math.min(histogram.leastMs, ms);
  histogram.greatestMs = Math.max(histogram.greatestMs, ms);
}

export function mergeHistogram(into: LatencyHistogram, from: LatencyHistogram): void {
  for (const [bucket, count] of from.buckets) into.buckets.set(bucket, (into.buckets.get(bucket) ?? 0) + count);
  into.count += from.count;
  into.leastMs = Math.min(into.leastMs, from.leastMs);
  into.greatestMs = Math.max(into.greatestMs, from.greatestMs);
}

/** By nearest rank. Undefined of nothing. */
export function percentilesOf(histogram: LatencyHistogram): LatencyPercentiles | undefined {
  const { count, leastMs, greatestMs } = histogram;
  if (count === 0) return undefined;
  const sorted = [...histogram.buckets].sort(([a], [b]) => a - b);
  const at = (share: number): number => {
    const rank = Math.ceil(share * count);
    let seen = 0;
    for (const [bucket, number] of sorted) {
      seen += number;
      if (seen >= rank) return Math.min(greatestMs, Math.max(leastMs, growth ** (bucket - 0.5)));
    }
    return greatestMs;
  };
  return { p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), leastMs, greatestMs };
}
