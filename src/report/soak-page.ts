import { formatBytes } from "../core/format.ts";
import { type Chart, chartStyle, drawChart } from "./chart.ts";
import { escapeHtml, htmlCode, htmlFacts, htmlPage, htmlTable } from "./html.ts";
import { reportStyle } from "./html-style.ts";
import type { SoakCheckFacts, SoakFacts, SoakSeriesFacts } from "./soak-facts.ts";
import { byteScale, duration, durationScale, percentage } from "./soak-scales.ts";

const mostRows = 200;

/** The report of a soak as one page that needs nothing but itself. The same facts give the same bytes. */
export function soakPage(facts: SoakFacts, series: SoakSeriesFacts): string {
  const { name, checks } = facts;
  const body = [
    `<header><h1>${escapeHtml(name)}: ${verdict(facts)}</h1>${overview(facts)}</header>`,
    "<main>",
    checkTable(facts),
    ...checks.map(
      (check) =>
        `<section><h2>${escapeHtml(check.name)}</h2>${latencyChart(check, facts, series)}${outageTable(check)}</section>`,
    ),
    guestSection(facts, series),
    gapSection(facts),
    "</main>",
    "<footer>Written by cloudimg. This page needs nothing but itself. Times are UTC.</footer>",
  ].join("\n");
  return htmlPage({ title: `${name}: soak`, style: `${reportStyle}${chartStyle}`, body });
}

function verdict({ checks, minAvailability, samples }: SoakFacts): string {
  if (samples === 0) return `<span class="warn">nothing seen yet</span>`;
  const bad = checks.filter(({ availability }) => availability < minAvailability);
  if (bad.length === 0) return `<span class="good">✓ available</span>`;
  return `<span class="bad">✗ less available than ${escapeHtml(percentage(minAvailability))}</span>`;
}

function overview(facts: SoakFacts): string {
  const { target, firstMs, lastMs, observedMs, plannedMs, intervalMs, samples, state } = facts;
  const words = { running: "goes on", interrupted: "interrupted: the same command goes on", done: "done" };
  return htmlFacts([
    ["Watched", target.map(htmlCode).join(" ")],
    ["State", escapeHtml(words[state])],
    ["From", firstMs === undefined ? undefined : escapeHtml(time(firstMs))],
    ["To", lastMs === undefined ? undefined : escapeHtml(time(lastMs))],
    [
      "Observed",
      escapeHtml(
        `${duration(observedMs)} of ${duration(plannedMs)}; ${samples} looks, one every ${duration(intervalMs)}`,
      ),
    ],
  ]);
}

function checkTable({ checks, minAvailability }: SoakFacts): string {
  const rows = checks.map(({ name, passed, failed, availability, downMs, outageCount, latency }) => [
    escapeHtml(name),
    `<span class="${availability < minAvailability ? "bad" : "good"}">${availability < minAvailability ? "✗" : "✓"} ${percentage(availability)}</span>`,
    `${outageCount}${outageCount === 0 ? "" : `, ${escapeHtml(duration(downMs))} in all`}`,
    `${passed} passed, ${failed} failed`,
    ...[latency?.p50Ms, latency?.p90Ms, latency?.p99Ms, latency?.greatestMs].map((ms) =>
      ms === undefined ? "–" : escapeHtml(duration(ms)),
    ),
  ]);
  return htmlTable("Checks", ["Check", "Available", "Outages", "Looks", "p50", "p90", "p99", "Longest"], rows);
}

function latencyChart(check: SoakCheckFacts, facts: SoakFacts, { bins, binMs }: SoakSeriesFacts): string {
  const { name, outages, latency } = check;
  const shown = bins.map((bin) => ({ atMs: bin.fromMs + binMs / 2, seen: bin.latency[name] }));
  const line = (title: string, dashes: string, pick: (seen: NonNullable<(typeof shown)[0]["seen"]>) => number) => ({
    ...{ name: title, dashes },
    points: broken(
      shown.map(({ atMs, seen }) => ({ atMs, value: seen === undefined ? undefined : pick(seen) })),
      binMs,
    ),
  });
  const values = shown.flatMap(({ seen }) => (seen === undefined ? [] : [seen.p50Ms, seen.greatestMs]));
  const said =
    latency === undefined
      ? "no check passed"
      : `half of the answers within ${duration(latency.p50Ms)}, 99 % within ${duration(latency.p99Ms)}, all within ${duration(latency.greatestMs)}`;
  return drawChart({
    title: `How long ${name} took`,
    description: `How long ${name} took over time: ${said}. ${check.outageCount} outages.`,
    ...span(facts),
    scale: durationScale(values),
    lines: [
      line("median", "", ({ p50Ms }) => p50Ms),
      line("p90", "6 4", ({ p90Ms }) => p90Ms),
      line("longest", "1 4", ({ greatestMs }) => greatestMs),
    ],
    bands: [
      ...unseen(facts),
      ...merged(
        outages.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs ?? span(facts).toMs })),
        span(facts),
      ).map((band) => ({ kind: "bad" as const, ...band })),
    ],
  });
}

function outageTable({ outages, outageCount }: SoakCheckFacts): string {
  if (outageCount === 0) return "<p>No outages.</p>";
  const shown = outages.slice(-mostRows);
  const rows = shown.map(({ fromMs, toMs, fault, failures }) => [
    escapeHtml(time(fromMs)),
    toMs === undefined ? `<span class="bad">goes on</span>` : escapeHtml(time(toMs)),
    toMs === undefined ? "" : escapeHtml(duration(toMs - fromMs)),
    String(failures),
    escapeHtml(fault),
  ]);
  const more = outageCount > shown.length ? `<p>${outageCount - shown.length} earlier ones are not shown.</p>` : "";
  return `${htmlTable("Outages", ["From", "To", "Lasted", "Failed looks", "What was wrong first"], rows)}${more}`;
}

function guestSection(facts: SoakFacts, { bins, binMs }: SoakSeriesFacts): string {
  const { guest } = facts;
  const { totalBytes, availableBytes, leastAvailableBytes, uptimeSeconds, events } = guest;
  if (totalBytes === undefined && uptimeSeconds === undefined && events.length === 0) return "";
  const list = htmlFacts([
    ["Restarts", String(guest.restarts)],
    ["Process restarts", String(guest.processRestarts)],
    ["Up for", uptimeSeconds === undefined ? undefined : escapeHtml(duration(uptimeSeconds * 1000))],
    ["Memory", totalBytes === undefined ? undefined : escapeHtml(formatBytes(totalBytes))],
    [
      "Available",
      availableBytes === undefined
        ? undefined
        : escapeHtml(
            `${formatBytes(availableBytes)} now, ${formatBytes(leastAvailableBytes ?? availableBytes)} at least`,
          ),
    ],
    ["ssh host key", guest.hostKey === undefined ? undefined : htmlCode(guest.hostKey)],
  ]);
  const rows = events.slice(-mostRows).map(({ atMs, detail }) => [escapeHtml(time(atMs)), escapeHtml(detail)]);
  const points = bins.map(({ fromMs, memory }) => ({
    atMs: fromMs + binMs / 2,
    value: memory && memory.totalBytes - memory.leastAvailableBytes,
  }));
  const chart =
    totalBytes === undefined
      ? ""
      : drawChart({
          title: "Memory in use",
          description: `Memory in use over time: ${formatBytes(totalBytes - (leastAvailableBytes ?? 0))} of ${formatBytes(totalBytes)} at most.`,
          ...span(facts),
          scale: byteScale(totalBytes),
          lines: [{ name: "used: what programs could not have", dashes: "", points: broken(points, binMs) }],
          bands: unseen(facts),
        });
  return `<section><h2>Guest</h2>${list}${chart}${rows.length === 0 ? "" : htmlTable("What happened to it", ["When", "What"], rows)}</section>`;
}

function gapSection({ gaps, gapCount }: SoakFacts): string {
  if (gapCount === 0) return "";
  const rows = gaps
    .slice(-mostRows)
    .map(({ fromMs, toMs }) => [escapeHtml(time(fromMs)), escapeHtml(time(toMs)), escapeHtml(duration(toMs - fromMs))]);
  return `<section><h2>When nobody looked</h2><p>These times count neither as available nor as an outage.</p>${htmlTable("Gaps", ["From", "To", "Lasted"], rows)}</section>`;
}

function span({ firstMs = 0, lastMs = 0, intervalMs }: SoakFacts): Pick<Chart, "fromMs" | "toMs"> {
  return { fromMs: firstMs, toMs: Math.max(firstMs + 1, lastMs + intervalMs) };
}

function unseen(facts: SoakFacts): Chart["bands"] {
  return merged(facts.gaps, span(facts)).map((band) => ({ kind: "unseen", ...band }));
}

/** What is closer together than a pixel becomes one. */
function merged(
  times: readonly { fromMs: number; toMs: number }[],
  { fromMs, toMs }: Pick<Chart, "fromMs" | "toMs">,
): { fromMs: number; toMs: number }[] {
  const pixelMs = (toMs - fromMs) / 900;
  const found: { fromMs: number; toMs: number }[] = [];
  for (const time of times) {
    const last = found.at(-1);
    if (last !== undefined && time.fromMs - last.toMs < pixelMs) last.toMs = Math.max(last.toMs, time.toMs);
    else found.push({ fromMs: time.fromMs, toMs: time.toMs });
  }
  return found;
}

/** A line does not cross stretches in which nothing was seen. */
function broken(
  points: readonly { atMs: number; value: number | undefined }[],
  binMs: number,
): { atMs: number; value: number | undefined }[] {
  return points.flatMap((point, index) => {
    const before = points[index - 1];
    return before !== undefined && point.atMs - before.atMs > 1.5 * binMs
      ? [{ atMs: point.atMs, value: undefined }, point]
      : [point];
  });
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
