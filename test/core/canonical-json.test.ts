import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalDigest, canonicalJson } from "../../src/core/canonical-json.ts";

test("keys are sorted at every depth and undefined members are absent", () => {
  expect(canonicalJson({ b: [{ z: 1, a: null }], a: "é\n", c: undefined })).toBe('{"a":"é\\n","b":[{"a":null,"z":1}]}');
});

test("it is JSON of the same value, and the order of the keys has no say", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalDigest(reversed)).toBe(canonicalDigest(value));
    }),
  );
});

test.each([[Number.NaN], [1n], [() => 1]])("what JSON cannot hold is refused: %s", (value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError);
});
