import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** How often the work is tried in all. */
  readonly attempts: number;
  /** The wait before the second try; it doubles before each further one. */
  readonly firstDelayMs: number;
  /** Whether another try may help. */
  readonly isPassing: (error: unknown) => boolean;
  /** Told before each wait. */
  readonly onRetry?: (error: unknown, delayMs: number) => void;
}

/** Runs work again while it fails with errors that may pass: name look-ups and connections do fail now and then. */
export async function retry<T>(options: RetryOptions, work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      if (options.signal.aborted || attempt >= options.attempts || !options.isPassing(error)) throw error;
      const delayMs = options.firstDelayMs * 2 ** (attempt - 1);
      options.onRetry?.(error, delayMs);
      await sleep(delayMs, undefined, { signal: options.signal });
    }
  }
}
