import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pngToJpeg } from "../../src/rehearsal/jpeg.ts";
import { readPng } from "../../src/rehearsal/png.ts";
import { runOracle } from "../oracles/run.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-jpeg-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

function draw(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly [number, number, number],
): Drawn {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(colour(x, y), (y * width + x) * 3);
  return { width, height, rgb };
}

/** A PNG with those rows as they are, each with its filter byte. */
function pngOf(width: number, height: number, type: number, rows: Uint8Array): Buffer {
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size.set([8, type], 8);
  const chunk = (name: string, data: Buffer) => {
    const framed = Buffer.concat([Buffer.alloc(4), Buffer.from(name), data, Buffer.alloc(4)]);
    framed.writeUInt32BE(data.length, 0);
    framed.writeUInt32BE(crc32(framed.subarray(4, -4)), framed.length - 4);
    return framed;
  };
  const packed = deflateSync(rows);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", size),
    chunk("IDAT", packed.subarray(0, 10)),
    chunk("IDAT", packed.subarray(10)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function plainPng({ width, height, rgb }: Drawn): Buffer {
  const rows = Buffer.alloc(height * (width * 3 + 1));
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  return pngOf(width, height, 2, rows);
}

/** What libjpeg makes of it. */
async function decode(jpeg: Uint8Array): Promise<Drawn> {
  const [from, to] = [join(directory, "a.jpg"), join(directory, "a.ppm")];
  writeFileSync(from, jpeg);
  const { status, output } = await runOracle("djpeg", ["-ppm", "-outfile", to, from]);
  expect([status, output]).toEqual([0, ""]);
  const ppm = readFileSync(to);
  const [header = "", width, height] = /^P6\s(\d+)\s(\d+)\s255\s/.exec(ppm.toString("latin1", 0, 40)) ?? [];
  return { width: Number(width), height: Number(height), rgb: ppm.subarray(header.length) };
}

/** The mean and the largest difference of samples. */
function differences(a: Uint8Array, b: Uint8Array): { mean: number; most: number } {
  expect(a.length).toBe(b.length);
  const each = a.map((value, at) => Math.abs(value - (b[at] as number)));
  return { mean: each.reduce((sum, value) => sum + value, 0) / each.length, most: Math.max(...each) };
}

describe("libjpeg sees the picture", () => {
  const noise = (x: number, y: number) => ((x * 7919 + y * 104_729) >>> 3) % 256;
  test.each<[string, Drawn, { mean: number; most: number }]>([
    ["one pixel", draw(1, 1, () => [10, 200, 30]), { mean: 3, most: 6 }],
    ["a slope", draw(64, 48, (x, y) => [x * 4, y * 5, 128]), { mean: 3, most: 12 }],
    ["sizes that are no whole blocks", draw(61, 13, (x, y) => [x * 4, y * 10, 255 - x]), { mean: 3, most: 16 }],
    [
      "plain colours",
      draw(40, 24, (x) => (x < 16 ? [255, 0, 0] : x < 32 ? [0, 255, 0] : [0, 0, 255])),
      { mean: 2, most: 8 },
    ],
    [
      "text of a console",
      draw(160, 64, (x, y) => (noise(x >> 1, y >> 1) > 180 ? [170, 170, 170] : [0, 0, 0])),
      { mean: 6, most: 60 },
    ],
    [
      "noise: each code is used",
      draw(80, 80, (x, y) => [noise(x, y), noise(y, x), noise(x + 1, y)]),
      { mean: 20, most: 255 },
    ],
  ])("%s", async (_name, picture, tolerance) => {
    const decoded = await decode(pngToJpeg(plainPng(picture)));
    expect([decoded.width, decoded.height]).toEqual([picture.width, picture.height]);
    const { mean, most } = differences(decoded.rgb, picture.rgb);
    expect(mean).toBeLessThan(tolerance.mean);
    expect(most).toBeLessThanOrEqual(tolerance.most);
  });
});

describe("reading a PNG", () => {
  const { width, height, rgb } = draw(5, 6, (x, y) => [x * 50, y * 40, x * y]);

  test("each filter", () => {
    const rows = Buffer.alloc(height * (width * 3 + 1));
    const at = (x: number, y: number) => (x < 0 || y < 0 ? 0 : (rgb[y * width * 3 + x] as number));
    for (let y = 0; y < height; y++) {
      const filter = y % 5;
      rows[y * (width * 3 + 1)] = filter;
      for (let x = 0; x < width * 3; x++) {
        const [left, above, corner] = [at(x - 3, y), at(x, y - 1), x < 3 ? 0 : at(x - 3, y - 1)];
        const near = [left, above, corner].toSorted(
          (a, b) => Math.abs(left + above - corner - a) - Math.abs(left + above - corner - b),
        )[0] as number;
        const guess = [0, left, above, (left + above) >> 1, near][filter] as number;
        rows[y * (width * 3 + 1) + 1 + x] = at(x, y) - guess;
      }
    }
    expect(readPng(pngOf(width, height, 2, rows))).toEqual({ width, height, rgb });
  });

  test("grey, and transparency, which is left out", () => {
    expect([...readPng(pngOf(2, 1, 0, Buffer.from([0, 7, 9]))).rgb]).toEqual([7, 7, 7, 9, 9, 9]);
    expect([...readPng(pngOf(1, 1, 6, Buffer.from([0, 1, 2, 3, 4]))).rgb]).toEqual([1, 2, 3]);
    expect([...readPng(pngOf(1, 1, 4, Buffer.from([0, 5, 4]))).rgb]).toEqual([5, 5, 5]);
  });

  test("what is no PNG, or one of another kind", () => {
    expect(() => readPng(Buffer.from("GIF89a"))).toThrow("no PNG");
    expect(() => readPng(pngOf(1, 1, 3, Buffer.from([0, 1])))).toThrow("kind");
    expect(() => readPng(pngOf(1, 2, 0, Buffer.from([0, 1])))).toThrow("too few");
    expect(() => readPng(pngOf(1, 1, 0, Buffer.from([9, 1])))).toThrow("filter 9");
  });
});

test("any picture comes out whole", { timeout: 60_000 }, async () => {
  const size = fc.integer({ min: 1, max: 24 });
  const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 10);
  await fc.assert(
    fc.asyncProperty(size, size, fc.uint8Array({ minLength: 3, maxLength: 400 }), async (width, height, bytes) => {
      const picture = draw(width, height, (x, y) => {
        const at = (x * 3 + y * 61) % (bytes.length - 2);
        return [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
      });
      const decoded = await decode(pngToJpeg(plainPng(picture)));
      expect(differences(decoded.rgb, picture.rgb).mean).toBeLessThan(30);
    }),
    { numRuns },
  );
});
