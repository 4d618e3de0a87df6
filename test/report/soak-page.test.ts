import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { soakFacts, soakSeries } from "../../src/commands/soaking-facts.ts";
import { describeSoak } from "../../src/report/soak.ts";
import { soakPage } from "../../src/report/soak-page.ts";
import { duration, durationScale, percentage } from "../../src/report/soak-scales.ts";
import type { SoakSample } from "../../src/smoke/soak-record.ts";
import { addLine, newSummary, type SoakSummary } from "../../src/smoke/soak-summary.ts";
import { readMarkup } from "./markup.ts";

const options = { duration: 259_200_000, interval: 10_000, timeout: 5_000, minAvailability: 99.9 };
const target = { name: "local-1a2b3c4d", words: ["ssh root@local-1a2b3c4d", "http://local-1a2b3c4d/"] };
const beganMs = Date.UTC(2026, 10, 21, 10);

/** Three days of an instance that has everything: latencies that wander, outages, restarts, gaps. */
function threeDays(fault: (n: number) => string | undefined, everyMs = 10_000): SoakSummary {
  const summary = newSummary();
  addLine(summary, { start: beganMs, intervalMs: everyMs, timeoutMs: 5_000 });
  for (let n = 0; n < 259_200_000 / everyMs; n++) {
    if (n % 9000 > 8800) continue;
    const ms = 3 * (1 + ((n * 7919) % 101) / 20) * (n % 500 === 0 ? 90 : 1);
    const availableBytes = 300e6 + 50e6 * Math.sin(n / 500);
    const sample: SoakSample = {
      at: beganMs + n * everyMs,
      checks: { ssh: { ms: ms * 40 }, http: { ms, fault: fault(n) } },
      guest: {
        bootId: String(Math.floor(n / 7000)),
        uptimeSeconds: (n % 7000) * 10,
        totalBytes: 500e6,
        availableBytes,
      },
      hostKey: "SHA256:abc",
    };
    addLine(summary, sample);
  }
  return summary;
}

const pageOf = (summary: SoakSummary) => soakPage(soakFacts(target, options, summary, "done"), soakSeries(summary));

describe("the report of 72 hours at 10 s", () => {
  const summary = threeDays((n) => (n % 700 < 3 ? 'status 502 <bad> & "worse"' : undefined));
  const page = pageOf(summary);
  const { text, elements } = readMarkup(page);

  test("is small", () => {
    expect(page.length).toBeLessThan(300_000);
  });

  test("shows outages, latencies, memory, restarts and gaps", () => {
    expect(text).toMatch(/local-1a2b3c4d: ✗ less available than 99\.9 %/);
    expect(text).toMatch(/http\s*✗ 99\.5\d+ %\s*38, 19 min/);
    expect(text).toContain('status 502 <bad> & "worse"');
    expect(text).toMatch(/Restarts\s*3/);
    expect(text).toMatch(/the guest has restarted/);
    expect(text).toMatch(/When nobody looked/);
    expect(text).toMatch(/250 MB at least/);
    const labels = elements.map(({ attributes }) => attributes["aria-label"] ?? "");
    expect(labels).toContainEqual(
      expect.stringMatching(/^How long http took over time: half of the answers within \d/),
    );
    expect(labels).toContainEqual(expect.stringMatching(/^Memory in use over time: 250 MB of 500 MB at most/));
  });

  test("every place in a chart is a number within it", () => {
    const charts = elements.filter(
      ({ name, attributes }) => name === "path" && attributes["class"]?.startsWith("line"),
    );
    expect(charts.filter(({ attributes }) => (attributes["d"]?.length ?? 0) > 1000).length).toBe(7);
    for (const { attributes } of charts) {
      expect(attributes["d"]).toMatch(/^(?:[ML]\d+(?:\.\d)? \d+(?:\.\d)?(?:h0)?|H36)*$/);
      for (const [, x, y] of attributes["d"]?.matchAll(/[ML]([\d.]+) ([\d.]+)/g) ?? []) {
        expect(Number(x)).toBeLessThanOrEqual(960);
        expect(Number(y)).toBeLessThanOrEqual(280);
      }
    }
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("a line stops where nobody looked", () => {
    const line = elements.find(({ attributes }) => attributes["class"] === "line l0")?.attributes["d"] ?? "";
    expect(line.split("M").length - 1).toBe(summary.gapCount + 1);
  });

  test("an instance that is up and down all the time, looked at each second: still small", () => {
    const flapping = pageOf(threeDays((n) => (n % 2 === 0 ? "x".repeat(200) : undefined), 1000));
    expect(flapping.length).toBeLessThan(1_000_000);
    expect(readMarkup(flapping).text).toMatch(/earlier ones are not shown/);
  });

  test("as text", () => {
    const shown = describeSoak(soakFacts(target, options, summary, "interrupted"), {
      report: "r.html",
      state: "s.jsonl",
    });
    expect(shown).toMatch(/^Soak of local-1a2b3c4d: 70 h 54 min of 72 h, \d+ looks, 2 gaps when nobody looked$/m);
    expect(shown).toMatch(/^ {2}http +99\.5\d+ % +38 +19 min/m);
    expect(shown).toMatch(/Interrupted: the same command goes on/);
  });
});

test.each([
  ["nothing seen", [], /nothing seen yet/],
  ["one look", [{ at: beganMs, checks: { http: { ms: 0 } } }], /✓ available/],
  ["only failures", [{ at: beganMs, checks: { http: { ms: 5, fault: "refused" } } }], /goes on/],
])("a page of %s", (_, samples: SoakSample[], shown) => {
  const summary = newSummary();
  for (const line of [{ start: beganMs, intervalMs: 10, timeoutMs: 10 }, ...samples]) addLine(summary, line);
  const page = pageOf(summary);
  expect(readMarkup(page).text).toMatch(shown);
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
});

test("what an instance says stays text", () => {
  const word = fc.oneof(fc.string({ unit: "binary" }), fc.constant(`"><script>alert(1)</script>`));
  fc.assert(
    fc.property(word, word, (fault, hostKey) => {
      const summary = newSummary();
      addLine(summary, { at: beganMs, checks: { ssh: { ms: 1, fault } }, hostKey: "before" });
      addLine(summary, { at: beganMs + 10, checks: { ssh: { ms: 1, fault } }, hostKey });
      const named = { name: hostKey, words: [fault] };
      const page = soakPage(soakFacts(named, options, summary, "done"), soakSeries(summary));
      expect(readMarkup(page).elements.filter(({ name }) => name === "script")).toEqual([]);
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 200) },
  );
});

test("shares are never rounded up to the whole", () => {
  const shown = [1, 0.9999, 0.99999999, 0.5, 0, 0.995].map(percentage);
  expect(shown).toEqual(["100 %", "99.99 %", "99.999999 %", "50 %", "0 %", "99.5 %"]);
});

test("durations, short and long", () => {
  expect([0.04, 5.55, 1234, 90_000, 259_200_000, 5_400_000].map(duration)).toEqual([
    ...["0.04 ms", "5.5 ms", "1.23 s", "1 min 30 s", "72 h", "1 h 30 min"],
  ]);
  expect(durationScale([]).marks.map(({ value }) => value)).toEqual([1, 10]);
  expect(durationScale([3, 420]).marks.map(({ text }) => text)).toEqual(["1 ms", "10 ms", "100 ms", "1 s"]);
});
