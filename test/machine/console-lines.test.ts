import { expect, test } from "vitest";
import { consoleLines, linesOfLog } from "../../src/machine/console-lines.ts";

function linesOf(...chunks: (string | Uint8Array)[]): string[] {
  const found: string[] = [];
  const lines = consoleLines((line) => found.push(line));
  for (const chunk of chunks) lines.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  lines.end();
  return found;
}

test.each([
  ["CR LF and LF end lines", ["a\r\nb\nc"], ["a", "b", "c"]],
  ["a line may come in pieces", ["he", "llo\r", "\nworld"], ["hello", "world"]],
  ["several CR before LF", ["a\r\r\nb"], ["a", "b"]],
  ["a lone CR begins the line anew", ["10%\r20%\r30%\n"], ["30%"]],
  ["empty lines count", ["\n\na\n"], ["", "", "a"]],
  ["escape sequences go", ["\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1bc\n"], ["red x"]],
  ["control characters go, tabs stay", ["a\x00b\x08c\td\x7f\n"], ["abc\td"]],
] as const)("%s", (_name, chunks, lines) => {
  expect(linesOf(...chunks)).toEqual(lines);
});

test("a character may come in pieces, and what is no UTF-8 shows as such", () => {
  const bytes = Buffer.from("grün");
  expect(linesOf(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(["grün"]);
  expect(linesOf(Uint8Array.of(0x61, 0xff, 0x62))).toEqual(["a\ufffdb"]);
});

test("a guest that never ends its line is cut", () => {
  const lines = linesOf("x".repeat(10_000));
  expect(lines.map((line) => line.length)).toEqual([4096, 4096, 1808]);
});

test("a whole log is read the same way", () => {
  expect(linesOfLog(Buffer.from("SeaBIOS\r\n\x1b[2Jlogin: "))).toEqual(["SeaBIOS", "login: "]);
});
