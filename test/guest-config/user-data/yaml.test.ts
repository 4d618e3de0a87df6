import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseYaml } from "../../../src/guest-config/parts/yaml.ts";

const runs = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 500);

// As PyYAML 6 reads them.
test.each<[string, unknown]>([
  ["yes", true],
  ["Off", false],
  ["oN", "oN"],
  ["y", "y"],
  ["N", "N"],
  ["0644", 420],
  ["644", 644],
  ["0o755", "0o755"],
  ["08", "08"],
  ["0x1F", 31],
  ["0b101", 5],
  ["1_000", 1000],
  ["-12", -12],
  ["1e3", "1e3"],
  ["1.5e+3", 1500],
  [".5", 0.5],
  ["1.", 1],
  [".inf", Infinity],
  ["~", null],
  ["", null],
  ["# nothing", null],
  ["!!binary aGkK", Uint8Array.of(104, 105, 10)],
  ["a: 1\na: 2", { a: 2 }],
  ["on: 1", { true: 1 }],
  ["x: &a {b: 1}\ny: {<<: *a, c: 2, b: 3}", { x: { b: 1 }, y: { b: 3, c: 2 } }],
  ["__proto__: {a: 1}", JSON.parse('{"__proto__": {"a": 1}}')],
  ["\uFEFFa: 1", { a: 1 }],
  ["--- \na: 1\n...\n", { a: 1 }],
  ["a: |\n  x\n   y\nb: >-\n  p\n  q", { a: "x\n y\n", b: "p q" }],
  ['{"a": [1,\t2]}', { a: [1, 2] }],
])("%j", (text, value) => {
  expect(parseYaml(text)).toEqual(value);
});

// Where PyYAML makes a date, a number to base 60 or a number without end of them.
test.each(["2012-09-01", "2001-12-14t21:59:43.10-05:00", "52:54:00:12:34:56", "1:30", "123456789012345678901234"])(
  "%s stays a text",
  (text) => {
    expect(parseYaml(text)).toBe(text);
  },
);

describe("errors", () => {
  test.each<[string, RegExp]>([
    ["a: 1\nb: [1\n", /^line 3: /],
    ["a: b: c", /^line 1: /],
    ["a:\n\t- b", /^line 2: .*tab/],
    ["a: 1\n--- \nb: 2", /^more than one document$/],
    ["[".repeat(5000), /^line 1: nesting/],
    [`${"[".repeat(100)}${"]".repeat(100)}`, /nest/],
    [`[${"[".repeat(5_000)}${"]".repeat(5_000)}]`, /nest/],
    ["a: &x [*x]", /contains it/],
    [`a: ${"x".repeat(1 << 20)}`, /^YAML of more than 1 MiB$/],
    ["? [a]\n: b", /^line 1: a key is a list/],
    ["a: !python/object:os.system x", /^line 1: unknown scalar tag$/],
  ])("%j", (text, message) => {
    expect(() => parseYaml(text)).toThrow(message);
  });

  test("quote nothing", () => {
    for (const text of [
      "p: *s3cret",
      "p: !s3cret x",
      'p: "s3cret',
      "s3cret: [",
      "p: s3cret: x",
      "&s3cret",
      "%s3cret x\n---\n",
      "- a\ns3cret",
    ])
      try {
        parseYaml(text);
      } catch (error) {
        expect((error as Error).message).not.toContain("s3cret");
      }
  });

  test("aliases that blow up are refused before anything is made of them", () => {
    const levels = [..."abcdefghij"].map((name, index, all) => {
      const before = index === 0 ? "lol" : `*${all[index - 1]}`;
      return `${name}: &${name} [${Array(9).fill(before).join(", ")}]`;
    });
    expect(() => parseYaml(levels.join("\n"))).toThrow("aliases make it too large");
    const long = `a: &a ${"x".repeat(100_000)}\nb: [${Array(1000).fill("*a").join(", ")}]`;
    expect(() => parseYaml(long)).toThrow("aliases make it too large");
  });
});

const pieces = fc.constantFrom(
  ..."\n \t:-?|>'\"[]{},#&*!%@`~",
  "\n  ",
  "\n- ",
  ": ",
  "a",
  "b",
  "<<: *a",
  "&a ",
  "*a",
  "!!binary ",
  "---",
  "...",
  "0x",
  "1_",
  "\\x",
  "\r\n",
  "\0",
  "é",
  "|2-",
  "? ",
);

test("anything ends in a value or an Error of one line", () => {
  const text = fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 40 }).map((list) => list.join(""));
  fc.assert(
    fc.property(text, (document) => {
      try {
        JSON.stringify(parseYaml(document));
      } catch (error) {
        expect((error as Error).constructor).toBe(Error);
        expect((error as Error).message).toMatch(/^[^\n]{1,120}$/);
      }
    }),
    { numRuns: runs },
  );
});

test("JSON is YAML", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
      expect(parseYaml(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: runs },
  );
});
