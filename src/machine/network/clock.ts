/** Later work that can be called off. */
export interface Clock {
  /** Runs `work` in `ms` milliseconds; the function that it gives calls it off. */
  after(ms: number, work: () => void): () => void;
  /** Runs `work` soon, when what is going on now is done. */
  soon(work: () => void): void;
}

/** The real one. It does not keep the process alive; once closed, nothing more runs. */
export function realClock(): Clock & { close(): void } {
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  return {
    after(ms, work) {
      if (closed) return () => {};
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, ms);
      timer.unref();
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    soon: (work) =>
      queueMicrotask(() => {
        if (!closed) work();
      }),
    close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
