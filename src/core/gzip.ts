import { crc32 } from "node:zlib";
import { Deflater } from "./deflate.ts";

/** RFC 1952, section 2.3: magic number, deflate, no flags, no time, the effort "maximum", a system that is not told. */
const header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
const trailerBytes = 8;

/** The same bytes whichever Node, and so which zlib, does it. */
export function gzip(bytes: Uint8Array): Uint8Array {
  const target = Buffer.alloc(header.length + bytes.length + (bytes.length >> 3) + 64 + trailerBytes);
  target.set(header);
  const end = header.length + new Deflater(bytes.length, 32768).deflate(bytes, target.subarray(header.length));
  target.writeUInt32LE(crc32(bytes), end);
  target.writeUInt32LE(bytes.length, end + 4);
  return target.subarray(0, end + trailerBytes);
}
