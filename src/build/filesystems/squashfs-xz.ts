import { crc32 } from "node:zlib";
import { lzma2 } from "@napi-rs/lzma";
import { lzma2Encode } from "../../core/lzma-encoder.ts";
import { unfilterX86 } from "./squashfs-x86.ts";

/** The .xz File Format 1.1: one stream of one block. */
const magic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const footerMagic = [0x59, 0x5a];
const streamHeaderBytes = 12;
const lzma2Filter = 0x21;
const x86Filter = 0x04;
const checkBytes: Readonly<Record<number, number>> = { 0: 0, 1: 4, 4: 8, 10: 32 };
/** The only check that Linux (lib/xz) and GRUB know. */
const crc32Check = 1;

/** An .xz stream that Linux and GRUB read: with a CRC32, and a dictionary of at most `dictionaryBytes`, a power of two from 4 KiB. */
export function xzCompress(plain: Uint8Array, dictionaryBytes: number): Uint8Array {
  const coded = lzma2Encode(plain, dictionaryBytes);
  const flags = Uint8Array.of(0, crc32Check);
  const dictionary = 2 * (Math.log2(dictionaryBytes) - 12);
  const blockHeader = Uint8Array.of(2, 0, lzma2Filter, 1, dictionary, 0, 0, 0);
  const headerBytes = blockHeader.length + 4;
  const index = padded([0, 1, ...number(headerBytes + coded.length + 4), ...number(plain.length)]);
  const backward = Buffer.from([...u32(index.length / 4), ...flags]);
  return Buffer.concat([
    Uint8Array.from([...magic, ...flags, ...u32(crc32(flags))]),
    blockHeader,
    u32(crc32(blockHeader)),
    coded,
    new Uint8Array(-coded.length & 3),
    u32(crc32(plain)),
    index,
    u32(crc32(index)),
    u32(crc32(backward)),
    backward,
    Uint8Array.from(footerMagic),
  ]);
}

/** A stream asks for a filter that only some readers have. */
export class UnknownFilter extends Error {}

/**
 * Decodes a stream of one block into no more than `mostBytes`: what the chunks say that they become is added up before they are decoded.
 *
 * @throws SyntaxError if it is damaged, UnknownFilter if it needs more than LZMA2 and the filter for x86
 */
export function xzDecompress(bytes: Uint8Array, mostBytes: number): Uint8Array {
  const check = checkBytes[bytes[7] as number];
  if (bytes.length < streamHeaderBytes + 8 || !magic.every((byte, at) => bytes[at] === byte) || check === undefined)
    throw new SyntaxError("it is no xz stream");
  const header = readBlockHeader(bytes.subarray(streamHeaderBytes));
  const start = streamHeaderBytes + header.lengthBytes;
  const { codedBytes, plainBytes } = measure(bytes.subarray(start));
  if (plainBytes > mostBytes) throw new SyntaxError(`it becomes ${plainBytes} bytes, and ${mostBytes} are the limit`);
  const checkAt = start + codedBytes + (-codedBytes & 3);
  if (checkAt + check > bytes.length) throw new SyntaxError("it is cut short");
  const plain = lzma2.decompressSync(bytes.subarray(start, start + codedBytes));
  if (plain.length !== plainBytes) throw new SyntaxError("it becomes another size than it says");
  if (header.isForX86) unfilterX86(plain);
  if (bytes[7] === crc32Check && crc32(plain) !== viewOf(bytes).getUint32(checkAt, true))
    throw new SyntaxError("its check sum is wrong");
  return plain;
}

function readBlockHeader(bytes: Uint8Array): { lengthBytes: number; isForX86: boolean } {
  const lengthBytes = ((bytes[0] as number) + 1) * 4;
  const flags = bytes[1] as number;
  if (bytes[0] === 0 || lengthBytes > bytes.length) throw new SyntaxError("it has no block");
  if (crc32(bytes.subarray(0, lengthBytes - 4)) !== viewOf(bytes).getUint32(lengthBytes - 4, true))
    throw new SyntaxError("its block's header is damaged");
  let at = 2;
  for (const hasSize of [0x40, 0x80]) if ((flags & hasSize) !== 0) while ((bytes[at++] as number) >= 0x80);
  const filters = (flags & 3) + 1;
  // Its only property would be where the program begins, if not at the block's start.
  const isForX86 = filters === 2 && bytes[at] === x86Filter && bytes[at + 1] === 0;
  if (isForX86) at += 2;
  if (filters !== (isForX86 ? 2 : 1) || bytes[at] !== lzma2Filter) throw new UnknownFilter();
  return { lengthBytes, isForX86 };
}

/** Adds up LZMA2's chunks: Linux, lib/xz/xz_dec_lzma2.c, xz_dec_lzma2_run. */
function measure(bytes: Uint8Array): { codedBytes: number; plainBytes: number } {
  let plainBytes = 0;
  let at = 0;
  for (;;) {
    const control = bytes[at];
    if (control === 0) return { codedBytes: at + 1, plainBytes };
    if (control === undefined || at + 6 > bytes.length) throw new SyntaxError("it is cut short");
    const low = (((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)) + 1;
    if (control >= 0x80) {
      plainBytes += ((control & 0x1f) << 16) + low;
      at += (control >= 0xc0 ? 6 : 5) + (((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number)) + 1;
    } else if (control <= 2) {
      plainBytes += low;
      at += 3 + low;
    } else throw new SyntaxError("it has a chunk of an unknown kind");
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Multibyte integers (section 1.2): seven bits a byte, the lowest first. */
function number(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}

function padded(bytes: readonly number[]): Uint8Array {
  return Buffer.concat([Uint8Array.from(bytes), new Uint8Array(-bytes.length & 3)]);
}
