import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AttemptFailure } from "../../src/smoke/attempts.ts";
import type { SoakCheck } from "../../src/smoke/soak-checks.ts";
import { guestCommand, parseGuest } from "../../src/smoke/soak-guest.ts";
import { addLatency, mergeHistogram, newHistogram, percentilesOf } from "../../src/smoke/soak-latency.ts";
import { parseSoakLine, type SoakSample } from "../../src/smoke/soak-record.ts";
import { runSoak } from "../../src/smoke/soak-run.ts";
import { addLine, checkFigures, newSummary, observedMs, type SoakSummary } from "../../src/smoke/soak-summary.ts";
import { leapingClock } from "./soak-clock.ts";

const runs = { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 300) };

describe("percentiles", () => {
  const latencies = fc.array(fc.double({ min: 0.01, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 });
  const nearestRank = (sorted: readonly number[], share: number) =>
    sorted[Math.ceil(share * sorted.length) - 1] as number;

  test("are those of a sorted list, within half a percent; the extremes are exact", () => {
    fc.assert(
      fc.property(latencies, fc.nat(300), (all, cut) => {
        const [first, second] = [newHistogram(), newHistogram()];
        for (const [index, ms] of all.entries()) addLatency(index < cut ? first : second, ms);
        mergeHistogram(first, second);
        const sorted = [...all].sort((a, b) => a - b);
        const found = percentilesOf(first);
        expect(found).toMatchObject({ leastMs: sorted[0], greatestMs: sorted.at(-1) });
        for (const [share, seen] of [
          [0.5, found?.p50Ms],
          [0.9, found?.p90Ms],
          [0.99, found?.p99Ms],
        ] as const) {
          const exact = nearestRank(sorted, share);
          expect(Math.abs((seen as number) - exact) / exact).toBeLessThan(0.0051);
        }
      }),
      runs,
    );
  });

  test("of nothing there are none", () => expect(percentilesOf(newHistogram())).toBeUndefined());
});

describe("what samples come to", () => {
  const start = { start: 0, intervalMs: 10, timeoutMs: 5 };
  const sample = (at: number, fault?: string): SoakSample => ({ at, checks: { http: { ms: 2, fault } } });
  const summaryOf = (...lines: Parameters<typeof addLine>[1][]): SoakSummary => {
    const summary = newSummary();
    for (const line of [start, ...lines]) addLine(summary, line);
    return summary;
  };
  const figuresOf = (summary: SoakSummary) => checkFigures(summary)[0];

  test("an outage lasts from the first look that failed to the first that did not", () => {
    const summary = summaryOf(sample(0), sample(10, "refused"), sample(20, "silent"), sample(30), sample(40));
    expect(figuresOf(summary)).toMatchObject({
      ...{ passed: 3, failed: 2, downMs: 20, outageCount: 1, availability: 0.6 },
      outages: [{ fromMs: 10, toMs: 30, fault: "refused", failures: 2 }],
    });
    expect(observedMs(summary)).toBe(50);
  });

  test("one that goes on counts up to now", () => {
    expect(figuresOf(summaryOf(sample(0), sample(10, "x")))).toMatchObject({
      availability: 0.5,
      downMs: 10,
      outages: [{ fromMs: 10 }],
    });
  });

  test("looks that took long, so that others were missed, are no gap", () => {
    const summary = summaryOf(sample(0), sample(25), sample(50));
    expect([summary.gapCount, observedMs(summary)]).toEqual([0, 60]);
  });

  test("when this host slept nobody looked: no outage, and no availability either", () => {
    const summary = summaryOf(sample(0), sample(10, "x"), sample(100_000, "y"), sample(100_010));
    expect(summary.gaps).toEqual([{ fromMs: 35, toMs: 100_000 }]);
    expect(observedMs(summary)).toBe(10 + 25 + 10 + 10);
    expect(figuresOf(summary)).toMatchObject({
      ...{ downMs: 35, outageCount: 2 },
      outages: [
        { fromMs: 10, toMs: 35 },
        { fromMs: 100_000, toMs: 100_010 },
      ],
    });
  });

  test("what a process saw last holds for one interval when another goes on", () => {
    const summary = summaryOf(sample(0), { ...start, start: 24, intervalMs: 3 }, sample(24));
    expect([summary.gaps, observedMs(summary)]).toEqual([[{ fromMs: 10, toMs: 24 }], 10 + 3]);
  });

  test("a clock that is set back makes nothing negative", () => {
    const summary = summaryOf(sample(1000), sample(1010, "x"), sample(500), sample(510));
    expect(figuresOf(summary)).toMatchObject({ downMs: 0, outages: [{ fromMs: 1010, toMs: 1010 }] });
    expect(observedMs(summary)).toBeGreaterThanOrEqual(0);
  });

  test("availability is never rounded up by the gaps, whatever comes: it is the share of observed time that is no outage", () => {
    const steps = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 60 }), isDown: fc.boolean() }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (all) => {
        let at = 0;
        const samples = all.map(({ afterMs, isDown }) => {
          at += afterMs;
          return sample(at, isDown ? "x" : undefined);
        });
        const summary = summaryOf(...samples);
        const figures = figuresOf(summary);
        const outagesMs = (figures?.outages ?? []).reduce(
          (sum, { fromMs, toMs }) => sum + ((toMs ?? at + 10) - fromMs),
          0,
        );
        expect(figures?.downMs).toBe(outagesMs);
        expect(figures?.availability).toBeCloseTo(1 - outagesMs / observedMs(summary), 9);
      }),
      runs,
    );
  });

  test("restarts of the guest, of its programs, and another host key are told", () => {
    const guest = (bootId: string, pids: number[]) => ({ bootId, uptimeSeconds: 5, processes: { nginx: pids } });
    const summary = newSummary();
    const at = (time: number, seen: Partial<SoakSample>) =>
      addLine(summary, { ...sample(time), ...seen }).map(({ message }) => message);
    expect(at(0, { guest: guest("a", [1, 2]), hostKey: "SHA256:x" })).toEqual([]);
    expect(at(10, { guest: guest("a", [1, 3]) })).toEqual([]);
    expect(at(20, { guest: guest("a", [4]) })).toEqual(["nginx has restarted"]);
    expect(at(30, { guest: guest("a", []) })).toEqual(["nginx does not run any more"]);
    expect(at(40, {})).toEqual([]);
    expect(at(50, { guest: guest("a", [9]) })).toEqual(["nginx runs again"]);
    expect(at(60, { guest: guest("b", [9]) })).toEqual(["the guest has restarted, 5 s before it was seen"]);
    expect(at(70, { hostKey: "SHA256:y" })).toEqual([
      "the ssh server shows the host key SHA256:y, before it was SHA256:x",
    ]);
    expect(summary.guest.counts).toEqual({ restart: 1, "process-restart": 2, "process-gone": 1, "host-key": 1 });
  });

  test("lines that are none of ours are not taken, whatever they are", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.string().map((text) => `{"at":1,"checks":${text}}`),
        ),
        (text) => {
          const line = parseSoakLine(text);
          if (line !== undefined) addLine(newSummary(), line);
        },
      ),
      runs,
    );
    expect(parseSoakLine('{"at":1,"checks":{"http":{"ms":"2"}}}')).toBeUndefined();
    expect(parseSoakLine('{"at":1,"checks":{},"guest":{"processes":{"a":["1"]}}}')).toBeUndefined();
    expect(parseSoakLine('{"at":1,"checks":{"http":{"ms":2}}}')).toBeDefined();
  });
});

describe("72 hours", () => {
  const day = 86_400_000;
  test("at 10 s are 25920 looks, in bounded memory", async () => {
    const summary = newSummary();
    addLine(summary, { start: 0, intervalMs: 10_000, timeoutMs: 5_000 });
    let n = 0;
    const check: SoakCheck = {
      name: "http",
      async attempt() {
        if (n++ % 1000 === 999) throw new AttemptFailure("refused");
        return {
          guest: { bootId: String(Math.floor(n / 10_000)), totalBytes: 2 ** 30, availableBytes: 2 ** 29 + (n % 7) },
        };
      },
    };
    await runSoak({
      ...{ checks: [check], intervalMs: 10_000, timeoutMs: 5_000, clock: leapingClock() },
      leftMs: () => 3 * day - observedMs(summary),
      signal: new AbortController().signal,
      onSample: async (sample) => void addLine(summary, sample),
    });
    expect(summary.samples).toBe(25_920);
    expect(observedMs(summary)).toBe(3 * day);
    expect(checkFigures(summary)[0]).toMatchObject({ failed: 25, outageCount: 25, downMs: 250_000 });
    expect(summary.guest.counts.restart).toBe(2);
    expect(summary.series.bins.size).toBeLessThanOrEqual(720);
    expect(summary.series.bins.size).toBeGreaterThan(300);
  });

  test("looks never overlap, and those that were missed are skipped", async () => {
    const clock = leapingClock();
    const times: number[] = [];
    let underWay = 0;
    const check: SoakCheck = {
      name: "ssh",
      async attempt(signal) {
        expect(++underWay).toBe(1);
        await clock.wait(clock.now() + (times.length === 1 ? 2_500 : 10), signal);
        underWay--;
        return {};
      },
    };
    await runSoak({
      ...{ checks: [check], intervalMs: 1000, timeoutMs: 60_000, clock, signal: new AbortController().signal },
      leftMs: () => 5 - times.length,
      onSample: async ({ at }) => void times.push(at - leapingClock().now()),
    });
    expect(times).toEqual([0, 1000, 4000, 5000, 6000]);
  });
});

test("what a guest says of itself", () => {
  const text = [
    "0b7f2c54-2f5e-4a3d-9d6f-0123456789ab",
    "1234.56 999.00",
    "MemTotal:         482332 kB",
    "MemFree:          100 kB",
    "MemAvailable:     401200 kB",
    "pids nginx 12 13",
    "pids sshd ",
    "",
  ].join("\n");
  expect(parseGuest(text, ["nginx", "sshd", "other"])).toEqual({
    ...{ bootId: "0b7f2c54-2f5e-4a3d-9d6f-0123456789ab", uptimeSeconds: 1234.56 },
    ...{ totalBytes: 482332 * 1024, availableBytes: 401200 * 1024, processes: { nginx: [12, 13], sshd: [] } },
  });
  expect(Object.values(parseGuest("sh: cat: not found", [])).filter((value) => value !== undefined)).toEqual([]);
  expect(guestCommand(["nginx"])).toContain('echo "pids nginx $(pidof nginx)"');
});
