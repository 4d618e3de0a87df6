import { Deflater } from "./deflate.ts";

/** Deflate with a window of 32 KiB, the effort "maximum"; the low bits make the two bytes a multiple of 31. */
const header = 0x78da;
const headerBytes = 2;
const trailerBytes = 4;
const longestStored = 65535;

/** Compresses one block after the other into zlib's format (RFC 1950). What comes out is valid until the next call. */
export function createZlibEncoder(largestBytes: number): (block: Uint8Array) => Uint8Array {
  const deflater = new Deflater(largestBytes, 32768);
  const target = Buffer.alloc(headerBytes + largestBytes + (largestBytes >> 3) + 64 + trailerBytes);
  target.writeUInt16BE(header);
  return (block) => {
    const end = headerBytes + deflater.deflate(block, target.subarray(headerBytes));
    target.writeUInt32BE(adler32(block), end);
    return target.subarray(0, end + trailerBytes);
  };
}

/** The same format for a block that does not become smaller: as it is (RFC 1951, section 3.2.4). */
export function zlibStored(block: Uint8Array): Uint8Array {
  const parts = Math.max(1, Math.ceil(block.length / longestStored));
  const stored = Buffer.alloc(headerBytes + block.length + parts * 5 + trailerBytes);
  stored.writeUInt16BE(header);
  let at = headerBytes;
  for (let part = 0; part < parts; part++) {
    const bytes = block.subarray(part * longestStored, (part + 1) * longestStored);
    stored[at] = part === parts - 1 ? 1 : 0;
    stored.writeUInt16LE(bytes.length, at + 1);
    stored.writeUInt16LE(bytes.length ^ 0xffff, at + 3);
    stored.set(bytes, at + 5);
    at += 5 + bytes.length;
  }
  stored.writeUInt32BE(adler32(block), at);
  return stored;
}

/** RFC 1950, section 8.2. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  let at = 0;
  while (at < bytes.length) {
    // As many as fit 32 bits without a division.
    for (const end = Math.min(bytes.length, at + 5552); at < end; at++) {
      a += bytes[at] as number;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
