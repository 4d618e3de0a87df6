import { type ByteSource, readAll } from "../core/byte-source.ts";

const longestTextBytes = 1024 * 1024;
/** Beyond so many changed lines, what lies between the common start and end is told as replaced. */
const mostEdits = 2000;
const contextLines = 3;

/** One line of both, of the first only, or of the second only. */
type Edit = readonly [kind: " " | "-" | "+", line: string];

/** Unified hunks of what differs between two texts, without the two lines that name the files; undefined if one of them is no text, or too long. */
export function textDifference(a: ByteSource, b: ByteSource): string[] | undefined {
  const [textA, textB] = [textOf(a), textOf(b)];
  return textA === undefined || textB === undefined ? undefined : unifiedDiff(textA, textB);
}

function textOf(source: ByteSource): string | undefined {
  if (source.sizeBytes > longestTextBytes) return undefined;
  const bytes = readAll(source);
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** As diff -u shows it (POSIX diff, "Diff -u Output Format"). */
export function unifiedDiff(a: string, b: string): string[] {
  const edits = editsOf(linesOf(a), linesOf(b));
  const output: string[] = [];
  let [lineA, lineB, index] = [1, 1, 0];
  while (index < edits.length) {
    const start = edits.findIndex(([kind], at) => at >= index && kind !== " ");
    if (start < 0) break;
    const from = Math.max(index, start - contextLines);
    let end = start;
    // Changes with less than two contexts between them share a hunk.
    for (let at = start; at < edits.length && at <= end + 2 * contextLines; at++)
      if ((edits[at] as Edit)[0] !== " ") end = at;
    const to = Math.min(edits.length, end + 1 + contextLines);
    lineA += from - index;
    lineB += from - index;
    const hunk = edits.slice(from, to);
    const countA = hunk.filter(([kind]) => kind !== "+").length;
    const countB = hunk.filter(([kind]) => kind !== "-").length;
    output.push(`@@ -${range(lineA, countA)} +${range(lineB, countB)} @@`);
    for (const [kind, line] of hunk) {
      output.push(`${kind}${line.replace(/\n$/, "")}`);
      if (!line.endsWith("\n")) output.push("\\ No newline at end of file");
    }
    lineA += countA;
    lineB += countB;
    index = to;
  }
  return output;
}

function range(line: number, count: number): string {
  if (count === 1) return String(line);
  return `${count === 0 ? line - 1 : line},${count}`;
}

/** With their ends. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function editsOf(a: readonly string[], b: readonly string[]): Edit[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middle = shortestEdits(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const same = (line: string): Edit => [" ", line];
  return [...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)];
}

/** Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), greedy: the furthest points on each diagonal, kept for the way back. */
function shortestEdits(a: readonly string[], b: readonly string[]): Edit[] {
  const replaced = (): Edit[] => [...a.map((line): Edit => ["-", line]), ...b.map((line): Edit => ["+", line])];
  if (a.length === 0 || b.length === 0) return replaced();
  const longest = Math.min(a.length + b.length, mostEdits);
  const trace: Int32Array[] = [];
  const reached = new Int32Array(2 * longest + 3);
  const at = (from: Int32Array, k: number) => from[longest + 1 + k] as number;
  for (let edits = 0; edits <= longest; edits++) {
    trace.push(reached.slice(longest + 1 - edits - 1, longest + 1 + edits + 2));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && at(reached, k - 1) < at(reached, k + 1));
      let x = down ? at(reached, k + 1) : at(reached, k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reached[longest + 1 + k] = x;
      if (x >= a.length && x - k >= b.length) return wayBack(a, b, trace, edits);
    }
  }
  return replaced();
}

/** `trace[n]` holds the diagonals -n-1 to n+1 as they were before the nth edit. */
function wayBack(a: readonly string[], b: readonly string[], trace: readonly Int32Array[], edits: number): Edit[] {
  const found: Edit[] = [];
  let [x, y] = [a.length, b.length];
  for (let step = edits; step > 0; step--) {
    const before = trace[step] as Int32Array;
    const at = (k: number) => before[step + 1 + k] as number;
    const k = x - y;
    const down = k === -step || (k !== step && at(k - 1) < at(k + 1));
    // Where the edit led, and from where lines are the same up to here.
    const startX = down ? at(k + 1) : at(k - 1) + 1;
    for (; x > startX; y--) found.push([" ", a[--x] as string]);
    found.push(down ? ["+", b[--y] as string] : ["-", a[--x] as string]);
  }
  while (x > 0) found.push([" ", a[--x] as string]);
  return found.reverse();
}
