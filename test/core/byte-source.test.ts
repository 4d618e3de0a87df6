import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bytesSource,
  type Extent,
  overlaySource,
  readAll,
  sliceSource,
  zeroSource,
} from "../../src/core/byte-source.ts";

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

test("what is laid over a source shows, all else stays, and holes stay holes", () => {
  const base = bytesSource(Uint8Array.of(1, 2, 3, 4, 5, 6));
  const over = [
    { offsetBytes: 4, source: bytesSource(Uint8Array.of(50)) },
    { offsetBytes: 0, source: bytesSource(Uint8Array.of(10, 20)) },
  ];
  expect([...readAll(overlaySource(base, over))]).toEqual([10, 20, 3, 4, 50, 6]);
  expect(overlaySource(base, []).extents).toEqual(base.extents);
  expect(overlaySource(zeroSource(10), over).extents).toEqual([
    { offsetBytes: 0, lengthBytes: 2 },
    { offsetBytes: 4, lengthBytes: 1 },
  ]);
  expect(() => overlaySource(base, [...over, { offsetBytes: 1, source: bytesSource(Uint8Array.of(9)) }])).toThrow(
    "overlap",
  );
  expect(() => overlaySource(base, [{ offsetBytes: 5, source: bytesSource(Uint8Array.of(9, 9)) }])).toThrow("past");
});
