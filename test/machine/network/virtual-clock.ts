import type { Clock } from "../../../src/machine/network/clock.ts";

interface Job {
  readonly atMs: number;
  readonly work: () => void;
}

/** A clock whose time passes only when it is told to. */
export function virtualClock(): Clock & { run(ms: number): void; pending(): number } {
  let now = 0;
  const jobs: Job[] = [];
  const add = (atMs: number, work: () => void) => {
    const job = { atMs, work };
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
        let index = -1;
        // The oldest of the earliest: new ones are put at the end.
        for (const [at, job] of jobs.entries())
          if (job.atMs <= end && (index < 0 || job.atMs < (jobs[index] as Job).atMs)) index = at;
        const [next] = index < 0 ? [] : jobs.splice(index, 1);
        if (next === undefined) break;
        now = next.atMs;
        next.work();
      }
      now = end;
    },
  };
}
