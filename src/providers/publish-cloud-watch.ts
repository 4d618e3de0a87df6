import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../core/context.ts";
import type { Cloud } from "./cloud.ts";

/** Between two looks, by this host's clock: whether an instance lives is no matter of the time that a rehearsal plays. */
const lookEveryMs = 10_000;
/** It was seen when it began to run: not seen so often in a row, it is gone. */
const mostUnseen = 3;

export interface Watch {
  /** Resolves with why, when the instance ends by itself; never rejects. */
  readonly died: Promise<string>;
  stop(): void;
}

/** Looks after an instance. A question that fails says nothing of it. */
export function watchInstance(cloud: Pick<Cloud, "instances">, id: string, context: Context, everyMs = lookEveryMs) {
  const stopped = new AbortController();
  const signal = AbortSignal.any([context.signal, stopped.signal]);
  const look = async (tell: (reason: string) => void) => {
    for (let unseen = 0; ; ) {
      await sleep(everyMs, undefined, { signal });
      const states = await cloud.instances.find({ id }, { ...context, signal }).catch(() => undefined);
      if (states === undefined) continue;
      const [state] = states;
      unseen = state === undefined ? unseen + 1 : 0;
      if (unseen >= mostUnseen) return tell("the cloud does not know it any more");
      if (state === undefined || state.state === "running" || state.state === "pending") continue;
      return tell(state.reason ?? `the cloud says that it is ${state.state}`);
    }
  };
  const died = new Promise<string>((resolve) => {
    look(resolve).catch(() => {});
  });
  return { died, stop: () => stopped.abort() } satisfies Watch;
}
