import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { gzip } from "../../src/core/gzip.ts";

test("zlib unpacks it, whatever it is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(40), (bytes, times) => {
      const input = Buffer.concat(Array.from({ length: times + 1 }, () => bytes));
      expect(gunzipSync(gzip(input)).equals(input)).toBe(true);
    }),
    { numRuns: 200 },
  );
});
