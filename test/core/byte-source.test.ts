import fc from "fast-check";
import { expect, test } from "vitest";
import { type Extent, sliceSource } from "../../src/core/byte-source.ts";

test("a window has the extents of what it shows, wherever it is cut", () => {
  const sizeBytes = 200;
  const marks = fc.uniqueArray(fc.nat(sizeBytes), { maxLength: 20 }).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(marks, fc.nat(sizeBytes), fc.nat(sizeBytes), (list, a, b) => {
      const extents: Extent[] = [];
      for (let at = 0; at + 1 < list.length; at += 2) {
        const [from, to] = [list[at] as number, list[at + 1] as number];
        extents.push({ offsetBytes: from, lengthBytes: to - from });
      }
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const window = sliceSource({ sizeBytes, extents, read: () => {} }, start, end - start);
      const covers = (parts: readonly Extent[], at: number) =>
        parts.some(({ offsetBytes, lengthBytes }) => at >= offsetBytes && at < offsetBytes + lengthBytes);
      for (let at = start; at < end; at++) expect(covers(window.extents, at - start)).toBe(covers(extents, at));
      for (const { offsetBytes, lengthBytes } of window.extents) {
        expect(lengthBytes).toBeGreaterThan(0);
        expect(offsetBytes + lengthBytes).toBeLessThanOrEqual(window.sizeBytes);
      }
    }),
  );
});
