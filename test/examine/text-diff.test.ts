import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesSource, textSource } from "../../src/core/byte-source.ts";
import { textDifference, unifiedDiff } from "../../src/examine/text-diff.ts";
import { runOracle } from "../oracles/run.ts";
import { scratchDirectory, writeFiles } from "./images.ts";

const scratch = scratchDirectory();

/** Few different lines, so that there is much to choose between. */
const lines = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 25 });
const text = fc.tuple(lines, fc.boolean()).map(([all, ends]) => all.join("\n") + (ends ? "\n" : ""));

/** Applies unified hunks strictly: context and removed lines must be there. */
function apply(a: string, hunks: readonly string[]): string {
  const from = a.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const to: string[] = [];
  let at = 0;
  let last: string[] | undefined;
  for (const line of hunks) {
    const header = /^@@ -(\d+)(?:,(\d+))? \+/.exec(line);
    if (header !== null) {
      const start = Number(header[1]) - (header[2] === "0" ? 0 : 1);
      while (at < start) to.push(from[at++] as string);
    } else if (line.startsWith("\\")) {
      if (last !== undefined) last[last.length - 1] = (last.at(-1) as string).slice(0, -1);
      else expect(from[at - 1]?.endsWith("\n")).toBe(false);
    } else {
      const body = line.slice(1);
      if (line[0] !== "+") expect((from[at++] as string).replace(/\n$/, "")).toBe(body);
      if (line[0] !== "-") to.push(`${body}\n`);
      last = line[0] === "-" ? undefined : to;
    }
  }
  return to.join("") + from.slice(at).join("");
}

/** Lines that must go or come, by the longest common subsequence. */
function leastEdits(a: string, b: string): number {
  const linesOf = (each: string): string[] => each.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const [x, y] = [linesOf(a), linesOf(b)];
  const table = Array.from({ length: x.length + 1 }, () => new Array<number>(y.length + 1).fill(0));
  for (let i = 1; i <= x.length; i++)
    for (let j = 1; j <= y.length; j++)
      (table[i] as number[])[j] =
        x[i - 1] === y[j - 1]
          ? (table[i - 1]?.[j - 1] as number) + 1
          : Math.max(table[i - 1]?.[j] as number, table[i]?.[j - 1] as number);
  return x.length + y.length - 2 * (table[x.length]?.[y.length] as number);
}

describe("unified differences of texts", () => {
  test("applied to the first text they give the second, with the least changed lines", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const hunks = unifiedDiff(a, b);
        expect(apply(a, hunks)).toBe(b);
        expect(hunks.filter((line) => /^[+-]/.test(line)).length).toBe(leastEdits(a, b));
      }),
      { numRuns: 1000 },
    );
  });

  test("GNU diff shows the same", async () => {
    const a = Array.from({ length: 60 }, (_, index) => `line ${index}\n`).join("");
    const b = `${a.replace("line 10\n", "line ten\n").replace("line 14\n", "").replace("line 40\n", "line 40\nmore\n")}end`;
    writeFiles(scratch, { a, b });
    const { output } = await runOracle("diff", ["-u", `${scratch}/a`, `${scratch}/b`]);
    expect(unifiedDiff(a, b).join("\n")).toBe(output.split("\n").slice(2, -1).join("\n"));
  });

  test("texts without anything in common are replaced, however long", () => {
    const many = (word: string) => Array.from({ length: 5000 }, (_, index) => `${word} ${index}\n`).join("");
    const [a, b] = [many("a"), many("b")];
    expect(apply(a, unifiedDiff(a, b))).toBe(b);
  });

  test("what is no text has no difference as one", () => {
    expect(textDifference(bytesSource(Uint8Array.of(0, 1)), textSource("a"))).toBeUndefined();
    expect(textDifference(bytesSource(Uint8Array.of(0xff, 0xfe)), textSource("a"))).toBeUndefined();
    expect(textDifference(textSource("a\n"), textSource("b\n"))).toEqual(["@@ -1 +1 @@", "-a", "+b"]);
  });
});
