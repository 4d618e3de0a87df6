import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import type { Clock } from "./poll.ts";

const tries = 4;
const firstWaitMs = 2_000;

/**
 * Does something with what was made a moment ago, which is not known everywhere at once: as long as the cloud says that it does not know it, it is asked again, for a quarter of a minute.
 */
export async function onceKnown<T>(
  clock: Pick<Clock, "sleep">,
  { signal }: Pick<Context, "signal">,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const isUnknown = error instanceof CloudimgError && error.code === "cloud/not-found";
      if (!isUnknown || attempt >= tries) throw error;
      await clock.sleep(firstWaitMs * attempt, signal);
    }
  }
}
