import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lzma2 } from "@napi-rs/lzma";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { lzma2Encode, lzmaEncode } from "../../src/core/lzma-encoder.ts";
import { decodeLzma, dictionaryBytes, lzmaFile } from "../build/boot/lzma-alone.ts";
import { runOracle } from "../oracles/run.ts";

const directory = mkdtempSync(join(tmpdir(), "cloudimg-lzma-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Bytes that look random and do not compress, the same every time. */
function noise(lengthBytes: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const repeated = (distance: number, lengthBytes: number) => {
  const start = noise(distance);
  return Uint8Array.from({ length: distance + lengthBytes }, (_, at) => start[at % distance] as number);
};

const cases: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  "one zero": Uint8Array.of(0),
  "one 255": Uint8Array.of(255),
  "two equal bytes": Uint8Array.of(7, 7),
  "three equal bytes": Uint8Array.of(7, 7, 7),
  "a match of the greatest length": new Uint8Array(1 + 273).fill(5),
  "one byte more than the greatest length": new Uint8Array(1 + 274).fill(5),
  "a long run of one byte": new Uint8Array(200_000),
  "every byte value": Uint8Array.from({ length: 256 }, (_, at) => at),
  "noise, larger than the buffer that was guessed": noise(70_000),
  "a repetition at the last distance of the dictionary": repeated(dictionaryBytes, 5000),
  "a repetition just out of reach": repeated(dictionaryBytes + 1, 5000),
  "carries through runs of 0xff": Uint8Array.from({ length: 30_000 }, (_, at) => (at % 97 === 0 ? 0 : 0xff)),
  text: Buffer.from("It was the best of times, it was the worst of times, ".repeat(300)),
};
for (const distance of [1, 2, 3, 4, 5, 127, 128, 129, 255, 256, 4095, 4096, 32_768])
  cases[`a repetition at distance ${distance}`] = repeated(distance, 700);
for (const length of [2, 3, 4, 9, 10, 17, 18, 63, 64, 65, 272])
  cases[`matches of ${length} bytes`] = Buffer.concat(
    Array.from({ length: 40 }, (_, at) => Buffer.concat([noise(length, 3), noise(3 + (at % 5), at + 10)])),
  );

describe("lzmaEncode", () => {
  test("xz decodes what it makes, and finds nothing wrong", async () => {
    const paths = Object.entries(cases).map(([, bytes], index) => {
      const path = join(directory, `${index}.lzma`);
      writeFileSync(path, lzmaFile(lzmaEncode(bytes), bytes.length));
      return path;
    });
    const { status, output } = await runOracle("xz", ["--decompress", "--format=lzma", "--keep", ...paths]);
    expect({ status, output }).toEqual({ status: 0, output: "" });
    for (const [index, [name, bytes]] of Object.entries(cases).entries()) {
      const decoded = readFileSync(join(directory, `${index}`));
      expect(decoded.equals(bytes), name).toBe(true);
    }
  });

  test("random bytes come back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(decodeLzma(lzmaEncode(bytes), bytes.length).equals(bytes)).toBe(true);
      }),
    );
  });

  test("bytes of few kinds, with pieces from anywhere before, come back", () => {
    const piece = fc.oneof(
      fc.record({ literal: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ few: fc.array(fc.constantFrom(0, 1, 0xff), { maxLength: 300 }) }),
      fc.record({ back: fc.nat(90_000), length: fc.integer({ min: 1, max: 700 }) }),
      fc.record({ noiseBytes: fc.nat(30_000), seed: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const bytes = assemble(pieces);
        expect(decodeLzma(lzmaEncode(bytes), bytes.length).equals(bytes)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe("lzma2Encode", () => {
  test.each(Object.entries(cases).filter(([, bytes]) => bytes.length > 0))("%s", (_, bytes) => {
    expect(lzma2.decompressSync(lzma2Encode(bytes, 1024 * 1024)).equals(bytes)).toBe(true);
  });

  test("chunks that are stored between chunks that are coded, in every order", () => {
    const chunk = fc.constantFrom("noise", "text", "zeros");
    fc.assert(
      fc.property(fc.array(chunk, { minLength: 1, maxLength: 5 }), fc.nat(65_536), (kinds, lastBytes) => {
        const text = Buffer.from("it was the age of wisdom, ".repeat(2600)).subarray(0, 65_536);
        const plain = { noise: noise(65_536), text, zeros: new Uint8Array(65_536) };
        const whole = Buffer.concat([...kinds.map((kind) => plain[kind]), noise(lastBytes, 7)]);
        expect(lzma2.decompressSync(lzma2Encode(whole, 65_536)).equals(whole)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

type Part =
  | { literal: Uint8Array }
  | { few: number[] }
  | { back: number; length: number }
  | { noiseBytes: number; seed: number };

function assemble(parts: readonly Part[]): Uint8Array {
  const bytes: number[] = [];
  for (const part of parts)
    if ("literal" in part) bytes.push(...part.literal);
    else if ("few" in part) bytes.push(...part.few);
    else if ("noiseBytes" in part) bytes.push(...noise(part.noiseBytes, part.seed));
    else for (let count = 0; count < part.length; count++) bytes.push(bytes[bytes.length - 1 - part.back] ?? 0);
  return Uint8Array.from(bytes);
}
