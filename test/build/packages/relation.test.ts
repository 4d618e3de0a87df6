import { describe, expect, test } from "vitest";
import {
  fitsVersion,
  formatAlternatives,
  parseRelations,
  parseVersionWish,
} from "../../../src/build/packages/relation.ts";

const parse = (field: string) => parseRelations(field, "amd64").map(formatAlternatives);

describe("relations", () => {
  test.each([
    ["", []],
    ["libc6", ["libc6"]],
    ["libc6 (>= 2.38), zlib1g (>= 1:1.1.4)", ["libc6 (>= 2.38)", "zlib1g (>= 1:1.1.4)"]],
    ["a | b (= 1-2) | c:any", ["a | b (= 1-2) | c:any"]],
    ["a(>=1)|b,\n c", ["a (>= 1) | b", "c"]],
    ["python3:any (>= 3.11~)", ["python3:any (>= 3.11~)"]],
    ["libfoo:amd64, libbar:native", ["libfoo:amd64", "libbar:native"]],
    ["a [amd64], b [arm64], c [!amd64], d [!arm64 !i386], e [linux-any], f [any-amd64]", ["a", "d", "e", "f"]],
    ["a [arm64] | b", ["b"]],
    ["a <!nocheck>, b (>> 1) <stage1> <cross>", ["a", "b (>> 1)"]],
    // The obsolete spellings mean "or equal" (Policy 7.1).
    ["a (< 1), b (> 1)", ["a (<= 1)", "b (>= 1)"]],
    ["a, , b,", ["a", "b"]],
    ["libstdc++6, g++-14", ["libstdc++6", "g++-14"]],
  ])("%j", (field, expected) => expect(parse(field)).toEqual(expected));

  test.each(["a b", "a (1)", "a (>= )", "(>= 1)", "a (>= 1", "ä", "a || b"])("%j is none", (field) => {
    expect(() => parse(field)).toThrow(SyntaxError);
  });

  test("a relation without a version fits all", () => {
    expect(fitsVersion({ name: "a" }, "1")).toBe(true);
    expect(fitsVersion({ name: "a", version: { operator: ">>", version: "1" } }, "1")).toBe(false);
  });

  test.each([
    ["1.2-3", { operator: "=", version: "1.2-3" }],
    [">= 1:1.2", { operator: ">=", version: "1:1.2" }],
    ["<<2", { operator: "<<", version: "2" }],
    ["newest", undefined],
    ["", undefined],
    [">= ", undefined],
    ["1 2", undefined],
  ])("the version that a profile wishes: %j", (text, expected) => expect(parseVersionWish(text)).toEqual(expected));
});
