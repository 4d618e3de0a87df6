/** How fast a step is now, by what it has done lately. */
export interface RateMeter {
  /** Bytes per second; undefined until that can be told. */
  add(doneBytes: number, nowMs: number): number | undefined;
}

/** Older than that, what was done says nothing of now. */
const windowMs = 10_000;
/** Sooner, a rate is a guess. */
const leastMs = 1_000;
const sampleMs = 200;

/** What a step finds done at its start (an upload that goes on) is no speed: it counts from the first report on. */
export function rateMeter(): RateMeter {
  const samples: { readonly doneBytes: number; readonly atMs: number }[] = [];
  return {
    add(doneBytes, nowMs) {
      const last = samples.at(-1);
      if (last === undefined || nowMs - last.atMs >= sampleMs) samples.push({ doneBytes, atMs: nowMs });
      while (samples.length > 1 && nowMs - (samples[1]?.atMs ?? 0) > windowMs) samples.shift();
      const first = samples[0];
      if (first === undefined || nowMs - first.atMs < leastMs || doneBytes <= first.doneBytes) return undefined;
      return ((doneBytes - first.doneBytes) * 1000) / (nowMs - first.atMs);
    },
  };
}
