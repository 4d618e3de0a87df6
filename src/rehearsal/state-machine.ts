import type { Clock } from "./clock.ts";

export interface Step<State extends string> {
  /** So long after the step before it. */
  readonly afterMs: number;
  readonly to: State;
  /** Called when the state is reached. What it throws is thrown to whoever moves the clock. */
  readonly onEnter?: (() => void) | undefined;
}

/** Something that goes from state to state in its own time: an image that is imported, an instance that starts. */
export interface Life<State extends string> {
  readonly state: State;
  /** When it got there, by the clock. */
  readonly sinceMs: number;
  /** Where it is going, undefined if it stays. */
  readonly next: State | undefined;
  /** Takes these steps one after the other, instead of those that it has not taken yet. A step after 0 ms is taken at once. */
  go(...steps: readonly Step<State>[]): void;
  /** It stays as it is. */
  stay(): void;
}

export function startLife<State extends string>(
  clock: Pick<Clock, "now" | "after">,
  first: State,
  ...steps: readonly Step<State>[]
): Life<State> {
  let state = first;
  let sinceMs = clock.now();
  let next: State | undefined;
  let callOff = () => {};
  const stay = () => {
    callOff();
    next = undefined;
  };
  const go = (...[step, ...rest]: readonly Step<State>[]) => {
    stay();
    if (step === undefined) return;
    const enter = () => {
      state = step.to;
      sinceMs = clock.now();
      next = undefined;
      // First what follows, so that `onEnter` can still decide otherwise.
      go(...rest);
      step.onEnter?.();
    };
    next = step.to;
    if (step.afterMs <= 0) enter();
    else callOff = clock.after(step.afterMs, enter);
  };
  go(...steps);
  return {
    get state() {
      return state;
    },
    get sinceMs() {
      return sinceMs;
    },
    get next() {
      return next;
    },
    go,
    stay,
  };
}
