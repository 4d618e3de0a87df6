import fc from "fast-check";
import { expect } from "vitest";
import type { Field, Struct } from "../../../src/core/struct.ts";

// biome-ignore lint/suspicious/noExplicitAny: structures of any fields
type AnyStruct = Struct<any>;

/** Values of every field, by what the field's zero says it holds. */
function valuesOf(structure: AnyStruct): fc.Arbitrary<Record<string, unknown>> {
  const arbitraries: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [key, { zero, size }] of Object.entries<Field<unknown>>(structure.fields)) {
    if (typeof zero === "number") arbitraries[key] = numberOf(structure, key, size);
    else if (typeof zero === "string")
      arbitraries[key] = fc.array(fc.constantFrom(..."AZaz09_"), { maxLength: size }).map((parts) => parts.join(""));
    else arbitraries[key] = fc.uint8Array({ minLength: size, maxLength: size });
  }
  return fc.record(arbitraries);
}

/** As large as the field takes: a number in both byte orders is twice as long as it counts. */
function numberOf(structure: AnyStruct, key: string, size: number): fc.Arbitrary<number> {
  for (const bits of [8 * size, 4 * size]) {
    const max = 2 ** Math.min(bits, 53) - 1;
    try {
      structure.encode({ [key]: max });
      return fc.maxSafeInteger().map((value) => Math.abs(value) % (max + 1));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new Error(`${structure.name}.${key} takes no number`);
}

/** What goes in comes out, and what was decoded encodes to the same bytes. */
export function expectRoundTrip(structure: AnyStruct): void {
  fc.assert(
    fc.property(valuesOf(structure), (values) => {
      const encoded = structure.encode(values);
      const decoded = structure.decode(encoded);
      expect(decoded).toEqual(values);
      expect(structure.encode(decoded)).toEqual(encoded);
    }),
    { numRuns: 50 },
  );
}
