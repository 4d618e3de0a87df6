import type { SoakFacts, SoakSeriesFacts } from "../report/soak-facts.ts";
import { percentilesOf } from "../smoke/soak-latency.ts";
import { checkFigures, observedMs, type SoakSummary } from "../smoke/soak-summary.ts";
import type { SoakOptions, SoakTarget } from "./soaking-target.ts";

/** A soak as its reports show it. */
export function soakFacts(
  target: Pick<SoakTarget, "name" | "words">,
  options: Pick<SoakOptions, "duration" | "interval" | "timeout" | "minAvailability">,
  summary: SoakSummary,
  state: SoakFacts["state"],
): SoakFacts {
  const { guest, firstMs, lastMs, samples, gaps, gapCount } = summary;
  const { uptimeSeconds, totalBytes, availableBytes } = guest.latest ?? {};
  return {
    ...{ name: target.name, target: target.words, state, firstMs, lastMs, samples, gaps, gapCount },
    ...{ intervalMs: options.interval, timeoutMs: options.timeout, plannedMs: options.duration },
    observedMs: observedMs(summary),
    minAvailability: options.minAvailability / 100,
    checks: checkFigures(summary),
    guest: {
      ...{ uptimeSeconds, totalBytes, availableBytes, leastAvailableBytes: guest.leastAvailableBytes },
      ...{ hostKey: guest.hostKey, events: guest.events },
      restarts: guest.counts.restart,
      processRestarts: guest.counts["process-restart"],
      hostKeyChanges: guest.counts["host-key"],
    },
  };
}

/** What the charts are drawn from: some hundreds of points, however long it went. */
export function soakSeries({ series }: SoakSummary): SoakSeriesFacts {
  const { originMs, binMs, bins } = series;
  return {
    binMs,
    bins: [...bins]
      .sort(([a], [b]) => a - b)
      .map(([number, { checks, memory }]) => ({
        fromMs: originMs + number * binMs,
        latency: Object.fromEntries([...checks].map(([name, { latency }]) => [name, percentilesOf(latency)])),
        memory,
      })),
  };
}
