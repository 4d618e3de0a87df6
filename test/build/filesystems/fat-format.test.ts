import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bitsForClusters,
  bootSector32Struct,
  bootSectorStruct,
  directoryEntryStruct,
  infoSectorStruct,
  longEntryStruct,
  shortNameChecksum,
} from "../../../src/build/filesystems/fat-format.ts";
import { decodeTime, encodeTime } from "../../../src/build/filesystems/fat-times.ts";
import { fatTime } from "./fat-oracle.ts";
import { expectRoundTrip } from "./struct-arbitrary.ts";

test.each([bootSectorStruct, bootSector32Struct, infoSectorStruct, directoryEntryStruct, longEntryStruct])(
  "$name comes back as it was written",
  (structure) => expectRoundTrip(structure),
);

test("times come back in steps of two seconds, from 1980 to 2107", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 33), max: 2 ** 34 }), (seconds) => {
      const { date, time, hundredths } = encodeTime(seconds);
      expect(decodeTime(date, time)).toBe(fatTime(seconds));
      expect([0, 100]).toContain(hundredths);
    }),
  );
});

test("no date is the first there is", () => expect(decodeTime(0, 0)).toBe(Date.UTC(1980) / 1000));

describe("what fatgen says in words", () => {
  test.each([
    [4084, 12],
    [4085, 16],
    [65_524, 16],
    [65_525, 32],
  ])("%d clusters are FAT%d", (clusters, bits) => expect(bitsForClusters(clusters)).toBe(bits));

  test("checksum of a short name", () => {
    expect(shortNameChecksum(Buffer.from("BOOTX64 EFI", "latin1"))).toBe(independentChecksum("BOOTX64 EFI"));
  });
});

/** Rotates right, as the specification says in words. */
function independentChecksum(name: string): number {
  return [...name].reduce((sum, letter) => {
    const rotated = Number.parseInt(
      sum
        .toString(2)
        .padStart(8, "0")
        .replace(/(.*)(.)$/, "$2$1"),
      2,
    );
    return (rotated + letter.charCodeAt(0)) % 256;
  }, 0);
}
