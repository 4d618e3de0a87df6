import { hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { xz } from "@napi-rs/lzma";

/** One block of an .xz file: where it is, and what it becomes. */
export interface XzBlock {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly unpaddedBytes: number;
  readonly decodedBytes: number;
  /** The two bytes that name the kind of check (The .xz File Format 2.1.1.2). */
  readonly flags: Uint8Array;
}

const headerMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const footerMagic = [0x59, 0x5a];
const headerBytes = 12;
const sha256Check = 0x0a;

/**
 * Finds the blocks of an .xz file from the indexes at its streams' ends (The .xz File Format 2 to 4). Threaded compressors write several, and each can be
 * decoded by itself.
 *
 * @throws SyntaxError when the file is cut short or is none
 */
export function xzBlocks(bytes: Uint8Array): XzBlock[] {
  const blocks: XzBlock[] = [];
  let end = bytes.length;
  while (end > 0) {
    // Stream padding: four zero bytes at a time.
    if (end >= 4 && bytes.subarray(end - 4, end).every((byte) => byte === 0)) {
      end -= 4;
      continue;
    }
    const stream = readStream(bytes, end);
    blocks.unshift(...stream.blocks);
    end = stream.startBytes;
  }
  if (blocks.length === 0 && bytes.length === 0) throw new SyntaxError("it is empty");
  return blocks;
}

/** Decodes one block on a thread of Node's pool. */
export async function decodeXzBlock(bytes: Uint8Array, block: XzBlock): Promise<Buffer> {
  if (block.flags[1] === sha256Check) return await decodeWithSha256(bytes, block);
  // The decoder has no limit of its own, and would find out only when all is in memory.
  if (chunksBytes(bytes, block) !== block.decodedBytes)
    throw new SyntaxError("a block has another size than its index says");
  const decoded = await xz.decompress(wrap(bytes, block));
  if (decoded.length !== block.decodedBytes) throw new SyntaxError("a block has another size than its index says");
  return decoded;
}

/**
 * What a block becomes, by the headers of its LZMA2 chunks: behind the block's own header, which says its length (The .xz File Format 3.1.1), each has a control byte, and its sizes
 * less one (Linux, lib/xz/xz_dec_lzma2.c). LZMA2 is the last filter, and no other that .xz knows changes the size.
 */
function chunksBytes(bytes: Uint8Array, { offsetBytes, lengthBytes }: XzBlock): number {
  const block = bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
  const u16 = (index: number) => ((block[index] ?? 0) << 8) + (block[index + 1] ?? 0);
  let at = ((block[0] ?? 0) + 1) * 4;
  let sum = 0;
  for (let control = block[at]; control !== undefined && control !== 0; control = block[at]) {
    const low = u16(at + 1) + 1;
    if (control >= 0x80) {
      sum += ((control & 0x1f) << 16) + low;
      at += (control >= 0xc0 ? 6 : 5) + u16(at + 3) + 1;
    } else {
      sum += low;
      at += 3 + low;
    }
  }
  return sum;
}

/** The decoder does not know this check: it gets the block without it, and we compare. */
async function decodeWithSha256(bytes: Uint8Array, block: XzBlock): Promise<Buffer> {
  const lengthBytes = block.lengthBytes - 32;
  const bare = { ...block, lengthBytes, unpaddedBytes: block.unpaddedBytes - 32, flags: Uint8Array.of(0, 0) };
  const decoded = await decodeXzBlock(bytes, bare);
  const end = block.offsetBytes + lengthBytes;
  if (hash("sha256", decoded, "buffer").compare(bytes, end, end + 32) !== 0)
    throw new SyntaxError("a block is damaged");
  return decoded;
}

function readStream(bytes: Uint8Array, end: number): { startBytes: number; blocks: XzBlock[] } {
  const footer = bytes.subarray(end - headerBytes, end);
  if (end < 2 * headerBytes || !footerMagic.every((byte, index) => footer[10 + index] === byte))
    throw new SyntaxError("it does not end like an xz file: it may be cut short");
  const view = new DataView(footer.buffer, footer.byteOffset, headerBytes);
  if (view.getUint32(0, true) !== crc32(footer.subarray(4, 10))) throw new SyntaxError("its footer is damaged");
  const indexStart = end - headerBytes - (view.getUint32(4, true) + 1) * 4;
  const flags = footer.slice(8, 10);
  const cursor = { at: indexStart + 1 };
  if (indexStart < headerBytes || bytes[indexStart] !== 0) throw new SyntaxError("its index is damaged");
  const count = readNumber(bytes, cursor);
  const sizes: { unpaddedBytes: number; decodedBytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    if (cursor.at >= end) throw new SyntaxError("its index is damaged");
    sizes.push({ unpaddedBytes: readNumber(bytes, cursor), decodedBytes: readNumber(bytes, cursor) });
  }
  const padded = sizes.reduce((sum, size) => sum + roundUp4(size.unpaddedBytes), 0);
  const startBytes = indexStart - padded - headerBytes;
  if (startBytes < 0 || !headerMagic.every((byte, index) => bytes[startBytes + index] === byte))
    throw new SyntaxError("its index does not lead to its start");
  let offsetBytes = startBytes + headerBytes;
  const blocks = sizes.map((size) => {
    const block = { ...size, offsetBytes, lengthBytes: roundUp4(size.unpaddedBytes), flags };
    offsetBytes += block.lengthBytes;
    return block;
  });
  return { startBytes, blocks };
}

/** A block as an .xz file of its own: header, block, index of one record, footer. */
function wrap(bytes: Uint8Array, block: XzBlock): Uint8Array {
  const record = Buffer.from([0, 1, ...writeNumber(block.unpaddedBytes), ...writeNumber(block.decodedBytes)]);
  const index = Buffer.concat([record, Buffer.alloc(roundUp4(record.length) - record.length + 4)]);
  index.writeUInt32LE(crc32(index.subarray(0, -4)), index.length - 4);
  const whole = Buffer.allocUnsafeSlow(headerBytes + block.lengthBytes + index.length + headerBytes);
  whole.set([...headerMagic, ...block.flags], 0);
  whole.writeUInt32LE(crc32(block.flags), 8);
  whole.set(bytes.subarray(block.offsetBytes, block.offsetBytes + block.lengthBytes), headerBytes);
  whole.set(index, headerBytes + block.lengthBytes);
  const footer = whole.subarray(whole.length - headerBytes);
  footer.writeUInt32LE(index.length / 4 - 1, 4);
  footer.set([...block.flags, ...footerMagic], 8);
  footer.writeUInt32LE(crc32(footer.subarray(4, 10)), 0);
  return whole;
}

/** Multibyte integers (section 1.2): seven bits a byte, the lowest first. */
function readNumber(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[cursor.at++];
    if (byte === undefined || factor > 2 ** 49) throw new SyntaxError("its index is damaged");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
}

function writeNumber(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return [...bytes, left];
}

function roundUp4(value: number): number {
  return Math.ceil(value / 4) * 4;
}
