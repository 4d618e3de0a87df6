import { describe, expect, test } from "vitest";
import { drawSizes } from "../../src/report/bars.ts";
import { describeListing, modeText, timeText } from "../../src/report/listing.ts";
import { showName } from "../../src/report/names.ts";
import { drawSections, drawTable } from "../../src/report/sections.ts";

describe("names that can be shown", () => {
  test.each([
    ["plain é 漢 🦊", "plain é 漢 🦊"],
    ["a\nb\tc\u001b[31m", "a\\x0ab\\x09c\\x1b[31m"],
    ["\udc80\udcff", "\\x80\\xff"],
    ["back\\slash", "back\\\\slash"],
    ["\u202eright to left", "\\u{202e}right to left"],
  ])("%j", (name, shown) => expect(showName(name)).toBe(shown));
});

describe("modes, as ls(1) shows them", () => {
  test.each([
    ["file", 0o644, "-rw-r--r--"],
    ["directory", 0o1777, "drwxrwxrwt"],
    ["directory", 0o1776, "drwxrwxrwT"],
    ["file", 0o4755, "-rwsr-xr-x"],
    ["file", 0o6644, "-rwSr-Sr--"],
    ["symlink", 0o777, "lrwxrwxrwx"],
    ["fifo", 0, "p---------"],
  ])("%s %i", (type, mode, shown) => expect(modeText(type, mode)).toBe(shown));
});

test("times are UTC, and odd ones are numbers", () => {
  expect([timeText(0), timeText(1_700_000_000), timeText(1e15)]).toEqual([
    "1970-01-01 00:00",
    "2023-11-14 22:13",
    "1000000000000000",
  ]);
});

test("a listing", () => {
  const entry = { type: "file", mode: 0o644, links: 1, uid: 0, gid: 5, sizeBytes: 1234, mtime: 0 };
  const entries = [
    { ...entry, path: "/d/a", user: "root" },
    { ...entry, path: "/d/l\n", type: "symlink", target: "a", sizeBytes: 0 },
    { ...entry, path: "/d/n", type: "character-device", major: 1, minor: 3 },
  ];
  expect(describeListing([{ directory: "/d", entries }], {})).toBe("a\nl\\x0a\nn");
  expect(describeListing([{ directory: "/d", entries }], { long: true, titles: true })).toBe(
    [
      "/d:",
      "-rw-r--r-- 1 root 5 1234 1970-01-01 00:00 a",
      "lrw-r--r-- 1 0    5    0 1970-01-01 00:00 l\\x0a -> a",
      "crw-r--r-- 1 0    5 1, 3 1970-01-01 00:00 n",
    ].join("\n"),
  );
});

describe("sizes", () => {
  const leaf = (name: string, sizeBytes: number) => ({ name, sizeBytes, parts: [] });
  const whole = {
    ...{ name: "", sizeBytes: 1000 },
    parts: [
      { name: "usr", sizeBytes: 750, parts: [leaf("lib", 740), leaf("x", 6), leaf("y", 4)] },
      leaf("etc", 240),
      leaf("a", 6),
      leaf("b", 4),
    ],
  };

  test("without a terminal: numbers only, small things together", () => {
    expect(drawSizes(whole, { width: undefined, limit: 2 })).toEqual([
      "   750 B  75%  usr",
      "   740 B  74%    lib",
      "     6 B   1%    x",
      "     4 B   0%    1 more",
      "   240 B  24%  etc",
      "    10 B   1%  2 more",
    ]);
  });

  test.each([40, 60, 200])("on a terminal of %d columns bars fit", (width) => {
    const lines = drawSizes(whole, { width, limit: 5 });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    expect(lines[0]).toMatch(/usr.* █+/);
    const cells = (line: string | undefined) => (line?.match(/█/g) ?? []).length;
    expect(cells(lines[0])).toBeGreaterThan(2 * cells(lines.find((line) => line.includes("etc"))));
  });

  test("nothing at all", () => expect(drawSizes(leaf("", 0), { width: 80, limit: 5 })).toEqual([]));
});

test("sections: keys are not repeated, long values are broken", () => {
  const sections = [
    {
      title: "One",
      rows: [
        ["key", "a"],
        ["key", "b"],
        ["a rather long key", "value"],
      ] as const,
    },
    { title: "Two", lines: ["line"] },
  ];
  expect(drawSections(sections, undefined)).toBe(
    "One\n  key               a\n                    b\n  a rather long key value\n\nTwo\n  line",
  );
  const words = Array.from({ length: 20 }, () => "word").join(" ");
  const drawn = drawSections([{ title: "T", rows: [["k", words]] }], 40).split("\n");
  for (const line of drawn) expect(line.length).toBeLessThanOrEqual(40);
  expect(
    drawn
      .slice(1)
      .map((line) => line.slice(15).trim())
      .join(" "),
  ).toBe(words);
});

test("tables", () => {
  expect(
    drawTable(
      [
        ["a", "1"],
        ["bcd", "22", "x"],
      ],
      [1],
    ),
  ).toEqual(["a     1", "bcd  22  x"]);
});
