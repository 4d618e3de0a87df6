import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesSource, composeSource, readAll, sliceSource } from "../../src/core/byte-source.ts";
import { readWindows, type Window } from "../../src/core/windows.ts";

const KiB = 1024;
const { signal } = new AbortController();

async function windowsOf(source: Parameters<typeof readWindows>[0], windowBytes: number) {
  const seen: { type: Window["type"]; offsetBytes: number; bytes: Uint8Array }[] = [];
  await readWindows(source, {
    windowBytes,
    signal,
    use(window) {
      const bytes = window.type === "data" ? window.bytes.slice() : new Uint8Array(window.lengthBytes);
      seen.push({ type: window.type, offsetBytes: window.offsetBytes, bytes });
    },
  });
  return seen;
}

test("any source comes whole, in order, in aligned windows, and long holes are not read", async () => {
  const pieces = fc.array(fc.tuple(fc.nat(9000), fc.integer({ min: 1, max: 5000 })), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(9000), fc.constantFrom(512, 4096), async (gapsAndLengths, tail, windowBytes) => {
      let at = 0;
      const placed = gapsAndLengths.map(([gap, length], index) => {
        const offsetBytes = at + gap;
        at = offsetBytes + length;
        return { offsetBytes, source: bytesSource(new Uint8Array(length).fill(index + 1)) };
      });
      const source = composeSource(at + tail, placed);
      const windows = await windowsOf(source, windowBytes);
      expect(Buffer.concat(windows.map((window) => window.bytes)).equals(Buffer.from(readAll(source)))).toBe(true);
      for (const { type, offsetBytes, bytes } of windows) {
        expect(offsetBytes % windowBytes).toBe(0);
        const hasData = sliceSource(source, offsetBytes, bytes.length).extents.length > 0;
        expect(type).toBe(hasData ? "data" : "hole");
        if (hasData) expect(bytes.length).toBe(Math.min(windowBytes, source.sizeBytes - offsetBytes));
      }
    }),
    { numRuns: 60 },
  );
});

test("a buffer is not filled again before its user is done with it", async () => {
  const source = bytesSource(Uint8Array.from({ length: 40 * KiB }, (_, index) => Math.floor(index / KiB)));
  const waiting: (() => void)[] = [];
  const seen: number[] = [];
  await readWindows(source, {
    windowBytes: KiB,
    signal,
    use: (window) =>
      new Promise((resolve) => {
        waiting.push(() => {
          if (window.type === "data") seen.push(window.bytes[0] as number, window.bytes[KiB - 1] as number);
          resolve();
        });
        if (waiting.length === 4 || window.offsetBytes >= 36 * KiB) for (const done of waiting.splice(0)) done();
      }),
  });
  expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => [index, index]).flat());
});

test("an error of a user that came late still stops the reading", async () => {
  const source = bytesSource(new Uint8Array(64 * KiB).fill(1));
  let calls = 0;
  const reading = readWindows(source, {
    windowBytes: KiB,
    signal,
    use: async () => {
      calls++;
      if (calls === 2) throw new Error("disk on fire");
    },
  });
  await expect(reading).rejects.toThrow("disk on fire");
  expect(calls).toBeLessThan(10);
});

test("progress counts data only and ends at the total", async () => {
  const source = composeSource(100 * KiB, [{ offsetBytes: 3000, source: bytesSource(new Uint8Array(5000).fill(1)) }]);
  const reports: [number, number][] = [];
  const progress = (done: number, total: number) => void reports.push([done, total]);
  await readWindows(source, { windowBytes: 4096, signal, progress, use() {} });
  expect(reports).toEqual([
    [1096, 5000],
    [5000, 5000],
  ]);
});
