import type { SoakClock } from "../../src/smoke/soak-run.ts";

/** Time that passes only while somebody waits for it, and then at once. */
export function leapingClock(beginMs = Date.UTC(2026, 10, 21, 10)): SoakClock {
  let now = beginMs;
  return {
    now: () => now,
    async wait(untilMs) {
      now = Math.max(now, untilMs);
    },
  };
}
