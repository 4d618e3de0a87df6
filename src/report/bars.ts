import { formatBytes } from "../core/format.ts";
import { showName } from "./names.ts";

/** A size with those that it is made of. */
export interface SizeFacts {
  readonly name: string;
  readonly sizeBytes: number;
  /** Largest first. */
  readonly parts: readonly SizeFacts[];
}

export interface BarOptions {
  /** Of the terminal; undefined where there is none, and then there are no bars either. */
  readonly width: number | undefined;
  /** How many parts of each size are shown. */
  readonly limit: number;
}

interface Row {
  readonly label: string;
  readonly sizeBytes: number;
}

const longestLabel = 48;
const longestBar = 40;
/** Of the whole: what is smaller is told together, below the first level. */
const leastShare = 0.005;

/** Sizes as lines `size  share  name  bar`, parts indented below what they are parts of. */
export function drawSizes(whole: SizeFacts, { width, limit }: BarOptions): string[] {
  const rows = [...rowsOf(whole, limit, whole.sizeBytes * leastShare, 0)];
  const labelWidth = Math.min(longestLabel, Math.max(0, ...rows.map(({ label }) => label.length)));
  const barWidth = width === undefined ? 0 : Math.min(longestBar, width - labelWidth - 20);
  return rows.map(({ label, sizeBytes }) => {
    const share = whole.sizeBytes === 0 ? 0 : sizeBytes / whole.sizeBytes;
    const percent = `${Math.round(share * 100)}%`.padStart(4);
    const shown = label.length > longestLabel ? `${label.slice(0, longestLabel - 1)}…` : label;
    const start = `${formatBytes(sizeBytes).padStart(8)} ${percent}  `;
    return barWidth < 5 ? `${start}${shown}` : `${start}${shown.padEnd(labelWidth)}  ${bar(share, barWidth)}`.trimEnd();
  });
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

function bar(share: number, width: number): string {
  const units = Math.round(share * width * 8);
  return "█".repeat(units >> 3) + eighths[units & 7];
}

function* rowsOf(whole: SizeFacts, limit: number, leastBytes: number, depth: number): Generator<Row> {
  const indent = "  ".repeat(depth);
  const shown = whole.parts.slice(0, limit).filter(({ sizeBytes }) => sizeBytes > (depth === 0 ? 0 : leastBytes));
  for (const part of shown) {
    yield { label: `${indent}${showName(part.name)}`, sizeBytes: part.sizeBytes };
    yield* rowsOf(part, limit, leastBytes, depth + 1);
  }
  const rest = whole.parts.slice(shown.length).filter(({ sizeBytes }) => sizeBytes > 0);
  // Of something small itself, nothing is told.
  if (rest.length === 0 || (shown.length === 0 && depth > 0)) return;
  const sizeBytes = rest.reduce((sum, part) => sum + part.sizeBytes, 0);
  yield { label: `${indent}${rest.length} more`, sizeBytes };
}
