import type { Connection } from "./connection.ts";
import { isPassing, isUnknownName } from "./s3-faults.ts";

/** How long a store that cannot answer now is asked again. */
export interface Patience {
  readonly attempts: number;
  /** Before the second try; it doubles before each further one. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

/** About a minute and a half, which outlasts a change of routes and most storms of 503. */
export const usualPatience: Patience = { attempts: 9, firstDelayMs: 500, longestDelayMs: 30_000 };

const attemptsAtName = 3;
const longestRetryAfterMs = 120_000;

/** Tries again what may pass, at intervals that grow and are not those of the other workers. Throws what the last try threw. */
export async function patiently<T>(
  patience: Patience,
  connection: Pick<Connection, "sleep">,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const attempts = isPassing(error) ? patience.attempts : isUnknownName(error) ? attemptsAtName : 1;
      if (attempt >= attempts) throw error;
      const grownMs = Math.min(patience.longestDelayMs, patience.firstDelayMs * 2 ** (attempt - 1));
      await connection.sleep(Math.max(grownMs * (0.5 + Math.random() / 2), retryAfterMs(error)), signal);
    }
  }
}

/** RFC 9110, section 10.2.3; none of the stores sends the form with a date. */
function retryAfterMs(error: unknown): number {
  const headers = (error as { $response?: { headers?: Record<string, string> } }).$response?.headers;
  const seconds = Number(headers?.["retry-after"] ?? 0);
  return Number.isFinite(seconds) ? Math.min(longestRetryAfterMs, Math.max(0, seconds * 1000)) : 0;
}
