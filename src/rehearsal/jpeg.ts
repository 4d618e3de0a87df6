import {
  type CodeTable,
  chrominanceAc,
  chrominanceDc,
  chrominanceSteps,
  luminanceAc,
  luminanceDc,
  luminanceSteps,
  zigzag,
} from "./jpeg-tables.ts";
import { type Picture, readPng } from "./png.ts";

/** A cloud that hands out screens as JPEG: text on them must stay readable. */
const quality = 85;

/** A PNG, as QEMU writes them, as a baseline JPEG (ITU-T T.81) with full colour resolution. Throws a RangeError for a PNG that is none. */
export function pngToJpeg(png: Uint8Array): Uint8Array {
  return encodeJpeg(readPng(png));
}

function encodeJpeg({ width, height, rgb }: Picture): Uint8Array {
  const planes = [
    plane(luminanceSteps, luminanceDc, luminanceAc),
    plane(chrominanceSteps, chrominanceDc, chrominanceAc),
  ];
  const components = [planes[0], planes[1], planes[1]] as readonly Plane[];
  const bits = bitWriter();
  const before = [0, 0, 0];
  const block = new Float64Array(64);
  for (let top = 0; top < height; top += 8)
    for (let left = 0; left < width; left += 8)
      for (const [index, component] of components.entries()) {
        fillBlock(block, { width, height, rgb }, left, top, index);
        before[index] = writeBlock(bits, component, transform(block), before[index] as number);
      }
  return Buffer.concat([
    segment(0xd8),
    // JFIF 1.02, no density.
    segment(0xe0, [...Buffer.from("JFIF\0"), 1, 2, 0, 0, 1, 0, 1, 0, 0]),
    ...planes.map(({ steps }, id) => segment(0xdb, [id, ...zigzag.map((place) => steps[place] as number)])),
    segment(0xc0, [8, height >> 8, height & 255, width >> 8, width & 255, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]),
    ...planes.flatMap(({ dcTable, acTable }, id) => [
      segment(0xc4, [id, ...dcTable.counts, ...dcTable.values]),
      segment(0xc4, [0x10 | id, ...acTable.counts, ...acTable.values]),
    ]),
    segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
    bits.finish(),
    segment(0xd9),
  ]);
}

/** What brightness, or colour, is written by. */
interface Plane {
  /** By rows. */
  readonly steps: readonly number[];
  readonly dcTable: CodeTable;
  readonly acTable: CodeTable;
  readonly dc: readonly Code[];
  readonly ac: readonly Code[];
}

interface Code {
  readonly code: number;
  readonly length: number;
}

function plane(atHalf: readonly number[], dcTable: CodeTable, acTable: CodeTable): Plane {
  const scale = quality < 50 ? 50 / quality : 2 - quality / 50;
  const steps = atHalf.map((step) => Math.min(255, Math.max(1, Math.round(step * scale))));
  return { steps, dcTable, acTable, dc: codesOf(dcTable), ac: codesOf(acTable) };
}

/** Annex C: codes of one length follow each other; the next length begins at twice the number. */
function codesOf({ counts, values }: CodeTable): Code[] {
  const codes: Code[] = [];
  let [code, next] = [0, 0];
  for (const [index, count] of counts.entries()) {
    for (let n = 0; n < count; n++) codes[values[next++] as number] = { code: code++, length: index + 1 };
    code *= 2;
  }
  return codes;
}

/** JFIF: RGB to brightness and two colour differences, each around zero. What lies outside of the picture repeats its edge. */
function fillBlock(block: Float64Array, { width, height, rgb }: Picture, left: number, top: number, index: number) {
  for (let y = 0; y < 8; y++)
    for (let x = 0; x < 8; x++) {
      const at = (Math.min(height - 1, top + y) * width + Math.min(width - 1, left + x)) * 3;
      const [r, g, b] = [rgb[at] as number, rgb[at + 1] as number, rgb[at + 2] as number];
      block[y * 8 + x] =
        index === 0
          ? 0.299 * r + 0.587 * g + 0.114 * b - 128
          : index === 1
            ? -0.168736 * r - 0.331264 * g + 0.5 * b
            : 0.5 * r - 0.418688 * g - 0.081312 * b;
    }
}

/** `cosines[u * 8 + x]`: the forward transform of A.3.3, for one direction. */
const cosines = Float64Array.from({ length: 64 }, (_, at) => {
  const [u, x] = [at >> 3, at & 7];
  return Math.cos(((2 * x + 1) * u * Math.PI) / 16) * (u === 0 ? Math.SQRT1_2 : 1) * 0.5;
});

function transform(block: Float64Array): Float64Array {
  const rows = new Float64Array(64);
  const both = new Float64Array(64);
  for (let y = 0; y < 8; y++)
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let x = 0; x < 8; x++) sum += (block[y * 8 + x] as number) * (cosines[u * 8 + x] as number);
      rows[y * 8 + u] = sum;
    }
  for (let v = 0; v < 8; v++)
    for (let u = 0; u < 8; u++) {
      let sum = 0;
      for (let y = 0; y < 8; y++) sum += (rows[y * 8 + u] as number) * (cosines[v * 8 + y] as number);
      both[v * 8 + u] = sum;
    }
  return both;
}

interface BitWriter {
  put(value: number, length: number): void;
  finish(): Buffer;
}

/** Section F.1.2. Gives the block's mean, from which the next one of the plane is told. */
function writeBlock(bits: BitWriter, { steps, dc, ac }: Plane, coefficients: Float64Array, before: number): number {
  const told = zigzag.map((place) => Math.round((coefficients[place] as number) / (steps[place] as number)));
  const mean = told[0] as number;
  const put = (codes: readonly Code[], symbol: number) => {
    const { code, length } = codes[symbol] as Code;
    bits.put(code, length);
  };
  put(dc, sizeOf(mean - before));
  putNumber(bits, mean - before);
  const last = told.findLastIndex((value) => value !== 0);
  let zeros = 0;
  for (const value of told.slice(1, last + 1)) {
    if (value === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) put(ac, 0xf0);
    put(ac, (zeros << 4) | sizeOf(value));
    putNumber(bits, value);
    zeros = 0;
  }
  if (last < 63) put(ac, 0);
  return mean;
}

/** How many bits a number needs without its sign. */
function sizeOf(value: number): number {
  return 32 - Math.clz32(Math.abs(value));
}

/** A negative number has the bits of the one before it. */
function putNumber(bits: BitWriter, value: number): void {
  const length = sizeOf(value);
  bits.put((value < 0 ? value - 1 : value) & ((1 << length) - 1), length);
}

function bitWriter(): BitWriter {
  const bytes: number[] = [];
  let [held, count] = [0, 0];
  const put = (value: number, length: number) => {
    held = (held << length) | value;
    count += length;
    for (; count >= 8; count -= 8) {
      const byte = (held >> (count - 8)) & 255;
      bytes.push(byte);
      // A byte of ones would begin a marker (B.1.1.5).
      if (byte === 255) bytes.push(0);
    }
    held &= (1 << count) - 1;
  };
  return {
    put,
    finish() {
      if (count > 0) put((1 << (8 - count)) - 1, 8 - count);
      return Buffer.from(bytes);
    },
  };
}

function segment(marker: number, content?: readonly number[]): Buffer {
  if (content === undefined) return Buffer.from([0xff, marker]);
  const length = content.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 255, ...content]);
}
