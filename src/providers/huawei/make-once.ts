import type { Context } from "../../core/context.ts";
import type { HuaweiClient } from "./client.ts";
import { LostAnswerError } from "./client.ts";

const attempts = 4;
const delayMs = 10_000;

/**
 * Makes what has no token to make it once: looks whether it is there, and makes it if it is not. When nobody knows whether it was made, it
 * looks again after a while, for it may not be seen at once.
 */
export async function makeOnce<T>(
  client: Pick<HuaweiClient, "connection">,
  { look, make }: { look: () => Promise<T | undefined>; make: () => Promise<T> },
  context: Context,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const there = await look();
    if (there !== undefined) return there;
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof LostAnswerError) || attempt >= attempts) throw error;
      await client.connection.sleep(delayMs * attempt, context.signal);
    }
  }
}

export async function ignoreMissing(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "cloud/not-found";
}
