import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Deflater } from "../../src/core/deflate.ts";
import { assignCodes, codeLengths } from "../../src/core/huffman.ts";
import { noise, prose } from "../build/disk-formats/disks.ts";

/** zlib decodes it in a window of 4 KiB, as QEMU does. */
function inflate(compressed: Uint8Array): Uint8Array {
  return new Uint8Array(inflateRawSync(compressed, { windowBits: 12 }));
}

function deflate(input: Uint8Array, deflater = new Deflater(Math.max(512, input.length), 4096)): Uint8Array {
  const target = new Uint8Array(input.length + (input.length >> 3) + 64);
  return target.slice(0, deflater.deflate(input, target));
}

/** A distance of `gap` and not one byte less: noise, with its first bytes again at the end. */
function repeatAfter(gap: number): Uint8Array {
  const bytes = noise(gap + 300, 5);
  bytes.copyWithin(gap, 0, 300);
  return bytes;
}

const cases: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  "one byte": Uint8Array.of(7),
  "two bytes": Uint8Array.of(7, 7),
  "three equal bytes": new Uint8Array(3).fill(7),
  "the longest match and one byte more": new Uint8Array(1 + 258 + 1).fill(7),
  "one byte 64 KiB long": new Uint8Array(65536).fill(1),
  text: prose(65536),
  "noise of one stored block": noise(65535),
  "noise of several stored blocks": noise(200_000),
  "a match as far back as the window goes": repeatAfter(4096),
  "a match one byte too far back": repeatAfter(4097),
  "text that ends as noise": Buffer.concat([prose(40_000), noise(25_536)]),
  "every byte as often as its value": Uint8Array.from({ length: 65536 }, (_, index) => Math.sqrt(index) | 0),
  "two MiB": prose(2 * 1024 * 1024, 3),
};

describe("Deflater", () => {
  test.each(Object.entries(cases))("%s comes back", (_, input) => {
    expect(Buffer.from(inflate(deflate(input))).equals(input)).toBe(true);
  });

  test("one deflater after another input gives the same as a fresh one", () => {
    const deflater = new Deflater(65536, 4096);
    deflate(prose(65536, 9), deflater);
    expect(deflate(cases["text"] as Uint8Array, deflater)).toEqual(deflate(cases["text"] as Uint8Array));
  });

  test("uses the whole window", () => {
    expect(deflate(repeatAfter(4096)).length).toBeLessThan(4096 + 100);
    expect(deflate(repeatAfter(4097)).length).toBeGreaterThan(4097 + 300);
  });

  test.each([512, 4096, 32768])("a window of %d bytes reaches so far and no farther", (windowBytes) => {
    const lengthAt = (gap: number) => deflate(repeatAfter(gap), new Deflater(65536, windowBytes)).length - gap;
    expect(lengthAt(windowBytes)).toBeLessThan(100);
    expect(lengthAt(windowBytes + 1)).toBeGreaterThan(300);
    const compressed = deflate(prose(65536), new Deflater(65536, windowBytes));
    const decoded = inflateRawSync(compressed, { windowBits: Math.max(9, Math.log2(windowBytes)) });
    expect(decoded.equals(prose(65536))).toBe(true);
  });

  test("any bytes of any alphabet come back", () => {
    const alphabets = fc.integer({ min: 1, max: 255 });
    const lengths = fc.oneof(fc.nat(40), fc.nat(30_000));
    fc.assert(
      fc.property(alphabets, lengths, fc.integer({ min: 1 }), (largest, length, seed) => {
        const input = noise(length, seed).map((byte) => byte % (largest + 1));
        expect(Buffer.from(inflate(deflate(input))).equals(input)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe("codeLengths", () => {
  test("any frequencies give a complete code of no more than the limit, shorter for what is more frequent", () => {
    const frequencies = fc.array(fc.oneof(fc.constant(0), fc.nat(8192)), { minLength: 19, maxLength: 19 });
    fc.assert(
      fc.property(frequencies, fc.constantFrom(7, 15), (counts, limit) => {
        const lengths = codeLengths(Uint32Array.from(counts), limit);
        const used = [...lengths].filter((length) => length > 0);
        expect(used.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
        expect(Math.max(...used)).toBeLessThanOrEqual(limit);
        for (const [a, x] of counts.entries())
          for (const [b, y] of counts.entries())
            if (x > y && y > 0) expect(lengths[a]).toBeLessThanOrEqual(lengths[b] as number);
      }),
    );
  });

  test("frequencies that want codes longer than the limit", () => {
    const fibonacci = [1, 1];
    while (fibonacci.length < 30) fibonacci.push((fibonacci.at(-1) as number) + (fibonacci.at(-2) as number));
    const lengths = codeLengths(Uint32Array.from(fibonacci), 15);
    expect(Math.max(...lengths)).toBe(15);
    expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
  });

  test.each([[[]], [[3]], [[2]]])("%j symbols in use: two have codes", (symbols) => {
    const counts = new Uint32Array(5);
    for (const symbol of symbols) counts[symbol] = 9;
    const lengths = codeLengths(counts, 15);
    expect(lengths.filter((length) => length === 1).length).toBe(2);
    for (const symbol of symbols) expect(lengths[symbol]).toBe(1);
  });
});

test("the codes of RFC 1951, section 3.2.2's example", () => {
  const codes = assignCodes(Uint8Array.of(3, 3, 3, 3, 3, 2, 4, 4));
  const inReadingOrder = [..."ABCDEFGH"].map((_, index) => {
    const length = [3, 3, 3, 3, 3, 2, 4, 4][index] as number;
    return [...(codes[index] as number).toString(2).padStart(length, "0")].reverse().join("");
  });
  expect(inReadingOrder).toEqual(["010", "011", "100", "101", "110", "00", "1110", "1111"]);
});
