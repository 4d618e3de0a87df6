import { formatBytes, formatDuration } from "../core/format.ts";
import type { Scale } from "./chart.ts";

/** Durations that differ by orders of magnitude: a mark at each power of ten, two at least. */
export function durationScale(valuesMs: readonly number[]): Scale {
  const least = valuesMs.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const greatest = valuesMs.reduce((a, b) => Math.max(a, b), 0);
  const from = Number.isFinite(least) ? Math.floor(Math.log10(Math.max(least, 0.01))) : 0;
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(greatest, 0.01))));
  const marks = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  return { isLogarithmic: true, marks: marks.map((value) => ({ value, text: duration(value) })) };
}

/** From nothing to all there is. */
export function byteScale(greatestBytes: number): Scale {
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * Math.max(1, greatestBytes));
  return { isLogarithmic: false, marks: marks.map((value) => ({ value, text: formatBytes(Math.round(value)) })) };
}

/** As `formatDuration`, but less than a millisecond is not nothing, and no more digits than are known. */
export function duration(ms: number): string {
  if (ms < 1) return `${Number(ms.toPrecision(2))} ms`;
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < 3600_000)
    return formatDuration(ms)
      .replace(/\.0+ s$/, " s")
      .replace(/min 0 s$/, "min");
  const minutes = Math.round(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** `99.95 %`, never rounded up: two digits of what is lacking. */
export function percentage(share: number): string {
  if (share >= 1) return "100 %";
  const lacking = (1 - share) * 100;
  const digits = Math.min(6, Math.max(1, Math.ceil(-Math.log10(lacking)) + 1));
  const shown = Math.floor(share * 100 * 10 ** digits + 1e-6) / 10 ** digits;
  return `${shown} %`;
}
