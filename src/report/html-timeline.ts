import { formatDuration } from "../core/format.ts";
import { escapeHtml } from "./html.ts";

export interface Span {
  readonly title: string;
  readonly status: "done" | "cached" | "failed";
  readonly startMs: number;
  readonly durationMs: number;
}

/** What happened at the same time, one below the other on one scale. */
export function timelineLanes(
  lanes: readonly { readonly name: string; readonly spans: readonly Span[] }[],
  totalMs: number,
): string {
  const rows = lanes.map(({ name, spans }) => `<div><span>${escapeHtml(name)}</span>${track(spans, totalMs)}</div>`);
  const marks = axisMarks(totalMs).map(
    (ms) => `<span style="left:${percent(ms, totalMs)}">${escapeHtml(formatDuration(ms))}</span>`,
  );
  return `<div class="lanes">${rows.join("\n")}
<div aria-hidden="true"><span></span><span class="axis">${marks.join("")}</span></div></div>`;
}

/** One span on the scale of all. */
export function track(spans: readonly Span[], totalMs: number): string {
  const bars = spans.map(({ title, status, startMs, durationMs }) => {
    const said = escapeHtml(`${title}: ${formatDuration(durationMs)}${status === "done" ? "" : `, ${status}`}`);
    const place = `left:${percent(startMs, totalMs)};width:${percent(durationMs, totalMs)}`;
    return `<i class="${status}" style="${place}" title="${said}"></i>`;
  });
  return `<span class="track" aria-hidden="true">${bars.join("")}</span>`;
}

/** When the last span ends; at least 1. */
export function endOf(spans: readonly Span[]): number {
  return spans.reduce((end, { startMs, durationMs }) => Math.max(end, startMs + durationMs), 1);
}

/** From 0 to the end, three to seven round steps in between. */
function axisMarks(totalMs: number): number[] {
  const rough = totalMs / 5;
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
  ];
  const stepMs = steps.find((step) => step >= rough) ?? Math.ceil(rough / 36e5) * 36e5;
  const marks: number[] = [];
  // The last mark says when it ended, and needs room.
  for (let ms = 0; ms < totalMs - stepMs / 2; ms += stepMs) marks.push(ms);
  return [...marks, totalMs];
}

function percent(ms: number, totalMs: number): string {
  const share = Math.min(1, Math.max(0, ms / totalMs));
  return `${Number((share * 100).toFixed(2))}%`;
}
