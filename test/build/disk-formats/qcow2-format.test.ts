import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compressedEntry,
  compressedPlace,
  header2Struct,
  header3Struct,
  plainEntry,
  plainOffset,
} from "../../../src/build/disk-formats/qcow2-format.ts";
import { zstdFrameBytes } from "../../../src/build/disk-formats/zstd-frame.ts";
import { noise } from "./disks.ts";

const halves = (entry: bigint) => [Number(entry >> 32n), Number(entry & 0xffffffffn)] as const;
const clusterBits = fc.integer({ min: 9, max: 21 });

describe("entries of tables", () => {
  test("a compressed cluster's place comes back, whole sectors of it", () => {
    fc.assert(
      fc.property(clusterBits, fc.nat(2 ** 48), fc.double({ min: 0, max: 1, noNaN: true }), (bits, at, part) => {
        const lengthBytes = 1 + Math.floor(part * (2 ** bits - 2));
        const place = compressedPlace(...halves(compressedEntry(at, lengthBytes, bits)), bits);
        expect(place.hostOffset).toBe(at);
        const end = at + place.lengthBytes;
        expect(end % 512).toBe(0);
        expect(end - (at + lengthBytes)).toBeGreaterThanOrEqual(0);
        expect(end - (at + lengthBytes)).toBeLessThan(512);
      }),
      { numRuns: 1000 },
    );
  });

  test("a plain cluster's offset comes back, whatever the other bits are", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 44), fc.boolean(), (cluster, isZero) => {
        const entry = plainEntry(cluster * 512) | (isZero ? 1n : 0n);
        expect(plainOffset(...halves(entry))).toBe(cluster * 512);
        expect(halves(entry)[0] >>> 31).toBe(1);
      }),
    );
  });

  test("both headers come back, and have the same start", () => {
    const number32 = fc.nat(2 ** 32 - 1);
    const header = fc.record({
      version: number32,
      backingFileSize: number32,
      clusterBits: number32,
      sizeBytes: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(header, number32, (values, headerLength) => {
        const whole = header3Struct.encode({ ...values, headerLength });
        expect(header3Struct.decode(whole)).toMatchObject({ ...values, headerLength });
        expect(header2Struct.decode(whole)).toMatchObject(values);
        expect(header2Struct.encode(values)).toEqual(whole.subarray(0, 72));
      }),
    );
  });
});

describe("zstdFrameBytes", () => {
  test("finds the end of a frame, whatever follows; not of one that is cut short", () => {
    fc.assert(
      fc.property(
        fc.nat(300_000),
        fc.constantFrom(0, 1, 15, 255),
        fc.uint8Array({ maxLength: 20 }),
        (length, mask, rest) => {
          const frame = zstdCompressSync(noise(length + 4).map((byte) => byte & mask));
          expect(zstdFrameBytes(Buffer.concat([frame, rest]))).toBe(frame.length);
          expect(zstdFrameBytes(frame.subarray(0, -1))).toBeUndefined();
        },
      ),
      { numRuns: 50 },
    );
  });

  test("what is no frame has no end", () => {
    expect(zstdFrameBytes(new Uint8Array(0))).toBeUndefined();
    expect(zstdFrameBytes(new Uint8Array(1000))).toBeUndefined();
  });
});
