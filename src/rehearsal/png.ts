import { inflateSync } from "node:zlib";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Rows from the top, three bytes a pixel: red, green, blue. */
  readonly rgb: Uint8Array;
}

/** Samples a pixel of the colour types that are read (PNG, third edition, 11.2.1): grey, colours, both with transparency, which is ignored. */
const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };

/** Reads a PNG of 8 bits a sample without interlacing, as QEMU writes them. Throws a RangeError for any other. */
export function readPng(png: Uint8Array): Picture {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  if (bytes.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") throw new RangeError("this is no PNG");
  const data: Buffer[] = [];
  let header: Buffer | undefined;
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const type = bytes.toString("latin1", at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at));
    if (type === "IHDR") header = content;
    if (type === "IDAT") data.push(content);
  }
  const perPixel = samples[header?.[9] ?? -1];
  if (header === undefined || header.length < 13 || header[8] !== 8 || perPixel === undefined || header[12] !== 0)
    throw new RangeError("this kind of PNG is not read");
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const rowBytes = width * perPixel;
  const rows = inflateSync(Buffer.concat(data), { maxOutputLength: height * (rowBytes + 1) });
  if (rows.length < height * (rowBytes + 1)) throw new RangeError("the PNG has too few rows");
  return { width, height, rgb: colours(unfiltered(rows, rowBytes, height, perPixel), perPixel) };
}

/** PNG, third edition, 9.2: each row says how its bytes are told by those to the left and above. */
function unfiltered(rows: Uint8Array, rowBytes: number, height: number, perPixel: number): Uint8Array {
  const plain = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (rowBytes + 1)];
    for (let x = 0; x < rowBytes; x++) {
      const at = y * rowBytes + x;
      const left = x < perPixel ? 0 : (plain[at - perPixel] as number);
      const above = y === 0 ? 0 : (plain[at - rowBytes] as number);
      const corner = x < perPixel || y === 0 ? 0 : (plain[at - rowBytes - perPixel] as number);
      plain[at] = (rows[y * (rowBytes + 1) + 1 + x] as number) + predicted(filter, left, above, corner);
    }
  }
  return plain;
}

function predicted(filter: number | undefined, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) throw new RangeError(`a PNG has no filter ${filter}`);
  const estimate = left + above - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - above), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

function colours(plain: Uint8Array, perPixel: number): Uint8Array {
  if (perPixel === 3) return plain;
  const pixels = plain.length / perPixel;
  const rgb = new Uint8Array(pixels * 3);
  const isGrey = perPixel < 3;
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let sample = 0; sample < 3; sample++)
      rgb[pixel * 3 + sample] = plain[pixel * perPixel + (isGrey ? 0 : sample)] as number;
  return rgb;
}
