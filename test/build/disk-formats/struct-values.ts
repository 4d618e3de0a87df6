import fc from "fast-check";
import { expect } from "vitest";
import type { Field, Struct } from "../../../src/core/struct.ts";

/** What is encoded is what is decoded, for values of all fields of a structure. */
// biome-ignore lint/suspicious/noExplicitAny: a structure of fields of every type
export function expectRoundTrip(structure: Struct<any>): void {
  const fields = Object.entries(structure.fields as Record<string, Field<unknown>>);
  const values = fc.record(Object.fromEntries(fields.map(([name, field]) => [name, valuesOf(field)])));
  fc.assert(
    fc.property(values, fc.nat(100), (value, offset) => {
      const bytes = new Uint8Array(offset + structure.size + 7);
      structure.encodeInto(bytes, offset, value);
      expect(structure.decode(bytes, offset)).toEqual(value);
      expect(bytes.subarray(0, offset).every((byte) => byte === 0)).toBe(true);
      expect([...bytes.subarray(-7)]).toEqual([0, 0, 0, 0, 0, 0, 0]);
    }),
  );
}

function valuesOf({ zero, size }: Field<unknown>): fc.Arbitrary<unknown> {
  if (typeof zero === "number") return fc.integer({ min: 0, max: 2 ** (8 * size) - 1 });
  if (typeof zero === "bigint") return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  if (typeof zero === "string")
    return fc.string({ unit: "binary-ascii", maxLength: size }).filter((text) => !text.endsWith("\0"));
  return fc.uint8Array({ minLength: size, maxLength: size });
}
