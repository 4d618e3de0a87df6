import { performance } from "node:perf_hooks";

/** The time of a rehearsal: state machines, prices and dead-man's switches run on it. It never goes back. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls `work` once when that much has passed; what it throws is thrown to whoever moves the clock. Gives a function that calls it off. */
  after(ms: number, work: () => void): () => void;
  /**
   * What a client may take the time to be: this clock's, or the host's own, which the vendors' SDKs sign by and cannot be told otherwise.
   * Both are off by `skewMs`, as seen by a client whose clock is wrong.
   */
  signingTimes(): readonly number[];
}

/** The same in the hands of who runs the rehearsal. */
export interface MovableClock extends Clock {
  /** Moves it on; what falls due meanwhile is called in its order, each at its own time. */
  advance(ms: number): void;
  /** How many seconds pass in one: 0 stops it, so that it is only moved. */
  setSpeed(speed: number): void;
  setSkew(skewMs: number): void;
  /** Calls off all that is due later. Sleepers are left to their signals. */
  close(): void;
}

export interface ClockOptions {
  /** Default: the host's time. */
  readonly startMs?: number | undefined;
  /** Default: 1. */
  readonly speed?: number | undefined;
  /** Nobody really sleeps: each sleep moves the clock to its end. For runs in which nothing takes real time, such as a boot. */
  readonly leaps?: boolean | undefined;
}

interface Timer {
  readonly dueMs: number;
  readonly work: () => void;
}

/** `setTimeout` takes no more. */
const longestWaitMs = 2 ** 31 - 1;

export function makeClock({ startMs = Date.now(), speed: firstSpeed = 1, leaps = false }: ClockOptions): MovableClock {
  let originMs = startMs;
  let originHostMs = performance.now();
  let speed = firstSpeed;
  let skewMs = 0;
  let waiting: NodeJS.Timeout | undefined;
  /** By the time they are due, those of the same time in the order they came. */
  const timers: Timer[] = [];

  const now = () => Math.floor(originMs + (performance.now() - originHostMs) * speed);
  const moveTo = (timeMs: number) => {
    originMs = Math.max(now(), timeMs);
    originHostMs = performance.now();
  };
  const runDue = (untilMs: number) => {
    for (let next = timers[0]; next !== undefined && next.dueMs <= untilMs; next = timers[0]) {
      timers.shift();
      moveTo(next.dueMs);
      next.work();
    }
  };
  const wait = () => {
    clearTimeout(waiting);
    const next = timers[0];
    if (next === undefined || speed === 0) return;
    const hostMs = Math.min(longestWaitMs, Math.max(0, Math.ceil((next.dueMs - now()) / speed)));
    waiting = setTimeout(() => {
      runDue(now());
      wait();
    }, hostMs);
  };
  const after = (ms: number, work: () => void) => {
    const timer: Timer = { dueMs: now() + Math.max(0, ms), work };
    const place = timers.findIndex(({ dueMs }) => dueMs > timer.dueMs);
    timers.splice(place < 0 ? timers.length : place, 0, timer);
    wait();
    return () => {
      const at = timers.indexOf(timer);
      if (at >= 0) timers.splice(at, 1);
      wait();
    };
  };
  const advance = (ms: number) => {
    const untilMs = now() + Math.max(0, ms);
    runDue(untilMs);
    moveTo(untilMs);
    wait();
  };
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        callOff();
        reject(signal.reason);
      };
      const wakesMs = now() + ms;
      const callOff = after(ms, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      signal.addEventListener("abort", abort, { once: true });
      // Others that began to sleep in the same turn are woken on the way, in their order.
      if (leaps) setImmediate(() => signal.aborted || advance(wakesMs - now()));
    });

  return {
    now,
    sleep,
    after,
    advance,
    signingTimes: () => [now() + skewMs, Date.now() + skewMs],
    setSpeed(next) {
      moveTo(now());
      speed = next;
      wait();
    },
    setSkew(ms) {
      skewMs = ms;
    },
    close() {
      timers.length = 0;
      clearTimeout(waiting);
    },
  };
}

/** `2026-11-21T02:47:52Z`, as clouds write times. */
export function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
