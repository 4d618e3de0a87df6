import { escapeHtml } from "./html.ts";

/** Lines over time. */
export interface Chart {
  readonly title: string;
  /** What it shows, for those who do not see it. */
  readonly description: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly scale: Scale;
  readonly lines: readonly ChartLine[];
  /** Times that are marked over the whole height. */
  readonly bands: readonly { readonly kind: "bad" | "unseen"; readonly fromMs: number; readonly toMs: number }[];
}

export interface Scale {
  /** From the lowest to the highest mark. */
  readonly marks: readonly { readonly value: number; readonly text: string }[];
  readonly isLogarithmic: boolean;
}

export interface ChartLine {
  readonly name: string;
  /** How it differs from the others, besides its colour: lengths of dashes and gaps. */
  readonly dashes: string;
  /** Undefined breaks the line. */
  readonly points: readonly { readonly atMs: number; readonly value: number | undefined }[];
}

const width = 960;
const height = 280;
const room = { left: 70, right: 12, top: 12, bottom: 34 };

/** An SVG of at most some tens of kilobytes for some hundreds of points, with a legend below it. */
export function drawChart(chart: Chart): string {
  const { title, description, scale, lines, bands } = chart;
  const { x, y } = placing(chart);
  const bottom = height - room.bottom;
  const horizontal = scale.marks.map(
    ({ value, text }) =>
      `<path class="grid" d="M${room.left} ${y(value)}H${width - room.right}"/><text x="${room.left - 8}" y="${y(value) + 4}" text-anchor="end">${escapeHtml(text)}</text>`,
  );
  const vertical = timeMarks(chart.fromMs, chart.toMs).map(
    ({ atMs, text }) =>
      `<path class="grid" d="M${x(atMs)} ${bottom}v5"/><text x="${x(atMs)}" y="${bottom + 20}" text-anchor="middle">${escapeHtml(text)}</text>`,
  );
  const marked = bands.map(({ kind, fromMs, toMs }) => {
    const left = x(fromMs);
    return `<rect class="${kind}" x="${left}" y="${room.top}" width="${rounded(Math.max(1.5, x(toMs) - left))}" height="${bottom - room.top}"/>`;
  });
  const drawn = lines.map(
    ({ dashes, points }, index) =>
      `<path class="line l${index}"${dashes === "" ? "" : ` stroke-dasharray="${escapeHtml(dashes)}"`} d="${pathOf(points, x, y)}"/>`,
  );
  return `<figure class="chart"><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(description)}">
${[...marked, ...horizontal, ...vertical, ...drawn].join("\n")}
</svg>
${legend(lines, new Set(bands.map(({ kind }) => kind)))}</figure>`;
}

function legend(lines: readonly ChartLine[], kinds: ReadonlySet<string>): string {
  const sample = (inside: string) => `<svg viewBox="0 0 36 12" aria-hidden="true">${inside}</svg>`;
  const items = [
    ...lines.map(({ name, dashes }, index) => [
      `<path class="line l${index}"${dashes === "" ? "" : ` stroke-dasharray="${escapeHtml(dashes)}"`} d="M0 6H36"/>`,
      name,
    ]),
    ...(kinds.has("bad") ? [[`<rect class="bad" width="36" height="12"/>`, "did not pass"]] : []),
    ...(kinds.has("unseen") ? [[`<rect class="unseen" width="36" height="12"/>`, "nobody looked"]] : []),
  ];
  return `<p class="legend">${items.map(([inside = "", name = ""]) => `<span>${sample(inside)} ${escapeHtml(name)}</span>`).join(" ")}</p>`;
}

/** From values to places in the picture, to a tenth of a pixel: so the page stays small. */
function placing({ fromMs, toMs, scale }: Chart): { x: (atMs: number) => number; y: (value: number) => number } {
  const least = scale.marks[0]?.value ?? 0;
  const greatest = scale.marks.at(-1)?.value ?? 1;
  const along = (value: number) => (scale.isLogarithmic ? Math.log(value / least) : value - least);
  const whole = along(greatest) || 1;
  const innerWidth = width - room.left - room.right;
  const innerHeight = height - room.top - room.bottom;
  const clamp = (share: number) => Math.min(1, Math.max(0, share));
  return {
    x: (atMs) => rounded(room.left + clamp((atMs - fromMs) / Math.max(1, toMs - fromMs)) * innerWidth),
    y: (value) =>
      rounded(
        room.top + (1 - clamp(along(Math.max(value, scale.isLogarithmic ? least : value)) / whole)) * innerHeight,
      ),
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A point without neighbours is a dot: a line of no length with round ends. */
function pathOf(points: ChartLine["points"], x: (atMs: number) => number, y: (value: number) => number): string {
  let path = "";
  let isBroken = true;
  for (const { atMs, value } of points) {
    if (value !== undefined) path += `${isBroken ? "M" : "L"}${x(atMs)} ${y(value)}${isBroken ? "h0" : ""}`;
    isBroken = value === undefined;
  }
  return path;
}

const stepsMs = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200, 86400].map((s) => s * 1000);

/** Five to eight round times (UTC), with the day where it changes. */
function timeMarks(fromMs: number, toMs: number): { atMs: number; text: string }[] {
  const rough = (toMs - fromMs) / 7;
  const stepMs = stepsMs.find((step) => step >= rough) ?? Math.ceil(rough / 86_400_000) * 86_400_000;
  const marks: { atMs: number; text: string }[] = [];
  let day = "";
  for (let atMs = Math.ceil(fromMs / stepMs) * stepMs; atMs <= toMs; atMs += stepMs) {
    const text = new Date(atMs).toISOString();
    const clock = text.slice(11, stepMs < 60_000 ? 19 : 16);
    marks.push({ atMs, text: text.slice(0, 10) === day ? clock : `${text.slice(5, 10)} ${clock}` });
    day = text.slice(0, 10);
  }
  return marks;
}

export const chartStyle = `.chart { margin: 1em 0; }
.chart figcaption { font-weight: 600; }
.chart text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.chart .grid { stroke: var(--line); stroke-width: 1; fill: none; }
.chart .line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.chart .l0 { stroke: var(--bar); }
.chart .l1 { stroke: var(--warn); }
.chart .l2 { stroke: var(--good); }
.chart .l3 { stroke: var(--soft); }
.chart rect.bad { fill: var(--bad); fill-opacity: 0.35; stroke: var(--bad); stroke-width: 1; }
.chart rect.unseen { fill: var(--soft); fill-opacity: 0.15; stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2em 1.4em; font-size: 0.9em; }
.legend span { display: inline-flex; align-items: center; gap: 0.4em; }
.legend svg { width: 36px; height: 12px; flex: none; }
`;
