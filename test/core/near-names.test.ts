import { expect, test } from "vitest";
import { didYouMean, nearNames } from "../../src/core/near-names.ts";

const names = ["packages", "package", "kernel", "files", "users"];

test.each([
  ["one letter left out", "pakages", ["packages", "package"]],
  ["two neighbours swapped", "kernle", ["kernel"]],
  ["one letter replaced in a short word", "filez", ["files"]],
  ["other case", "Users", ["users"]],
  ["nothing near", "zebra", []],
  ["an empty word", "", []],
])("%s", (_, word, expected) => {
  expect(nearNames(word, names)).toEqual(expected);
});

test("a question for people", () => {
  expect(didYouMean("kernl", names)).toBe('did you mean "kernel"?');
  expect(didYouMean("pakages", names)).toBe('did you mean "packages" or "package"?');
  expect(didYouMean("zebra", names)).toBeUndefined();
});
