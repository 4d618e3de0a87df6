import { formatDuration } from "../core/format.ts";
import type { StepFacts } from "./publish-facts.ts";

interface Price {
  readonly perHour: number;
  readonly currency: string;
}

/** The price of an instance, and what its life cost about: from its launch to the end of the cleaning up. Disk and traffic are not in it. */
export function instancePrice({ perHour, currency }: Price, steps: readonly StepFacts[]): string {
  const hourly = `${amount(perHour)} ${currency} an hour`;
  const launch = steps.find(({ id }) => id === "launch");
  if (launch === undefined) return hourly;
  const end = Math.max(...steps.map(({ startMs, durationMs }) => startMs + durationMs));
  const lifeMs = end - launch.startMs;
  return `${hourly}; about ${amount((perHour * lifeMs) / 3600_000)} ${currency} for ${formatDuration(lifeMs)}, besides disk and traffic`;
}

/** Two digits that count, and cents: `0.21`, `0.0035`, `12.34`. */
function amount(value: number): string {
  if (value === 0) return "0";
  const digits = Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(Math.abs(value)))));
  const rounded = Number(value.toFixed(digits));
  return rounded === 0 ? "less than 0.000001" : String(rounded);
}
