import type { Clock } from "../../../src/machine/network/clock.ts";

/** A clock whose time passes only when it is told to. */
export function virtualClock(): Clock & { run(ms: number): void; pending(): number } {
  let now = 0;
  let count = 0;
  const jobs: { atMs: number; order: number; work: () => void }[] = [];
  const add = (atMs: number, work: () => void) => {
    const job = { atMs, order: count++, work };
    jobs.push(job);
    return () => {
      const index = jobs.indexOf(job);
      if (index >= 0) jobs.splice(index, 1);
    };
  };
  return {
    after: (ms, work) => add(now + ms, work),
    soon: (work) => void add(now, work),
    pending: () => jobs.length,
    run(ms) {
      const end = now + ms;
      for (;;) {
        const next = jobs.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
        if (next === undefined) break;
        jobs.splice(jobs.indexOf(next), 1);
        now = next.atMs;
        next.work();
      }
      now = end;
    },
  };
}
