import {
  distanceCodes,
  distanceExtraBits,
  endOfBlock,
  firstLengthSymbol,
  lengthBase,
  lengthCodeOf,
  lengthExtraBits,
  literalSymbols,
} from "./deflate-codes.ts";
import type { DeflateMemory } from "./deflate-memory.ts";
import { assignCodes, codeLengths } from "./huffman.ts";

/** Section 3.2.6: the codes that need no description. */
const fixedLiteralLengths = Uint8Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8));
const fixedDistanceLengths = new Uint8Array(distanceCodes).fill(5);

/** Section 3.2.7: the order in which lengths of the codes for code lengths are written. */
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const codeLengthExtraBits = Uint8Array.from({ length: 19 }, (_, s) => (s === 16 ? 2 : s === 17 ? 3 : s === 18 ? 7 : 0));

/** Bits into bytes, the first in the lowest place. */
class BitWriter {
  readonly target: Uint8Array;
  used = 0;
  bits = 0;
  bitCount = 0;

  constructor(target: Uint8Array) {
    this.target = target;
  }

  put(value: number, count: number): void {
    this.bits |= value << this.bitCount;
    this.bitCount += count;
    while (this.bitCount >= 8) {
      this.target[this.used++] = this.bits;
      this.bits >>>= 8;
      this.bitCount -= 8;
    }
  }

  toByte(): void {
    if (this.bitCount > 0) this.put(0, 8 - this.bitCount);
  }
}

const symbolsPerBlock = 8192;

/** Writes a cluster's symbols as blocks, each in whichever of the three ways is shortest. */
export class BlockWriter {
  readonly #memory: DeflateMemory;
  readonly #writer: BitWriter;

  constructor(memory: DeflateMemory) {
    this.#memory = memory;
    this.#writer = new BitWriter(memory.output);
  }

  /** Writes so many symbols from the memory to its output; `raw` is what they stand for. Returns the length. */
  write(symbolCount: number, raw: Uint8Array): number {
    const writer = this.#writer;
    Object.assign(writer, { used: 0, bits: 0, bitCount: 0 });
    let rawAt = 0;
    let at = 0;
    do {
      const count = Math.min(symbolsPerBlock, symbolCount - at);
      const rawBytes = this.#memory.count(at, count);
      this.#writeBlock(at, count, raw.subarray(rawAt, rawAt + rawBytes), at + count === symbolCount);
      rawAt += rawBytes;
      at += count;
    } while (at < symbolCount);
    writer.toByte();
    return writer.used;
  }

  #writeBlock(from: number, count: number, raw: Uint8Array, isLast: boolean): void {
    const { literalCounts, distanceCounts } = this.#memory;
    literalCounts[endOfBlock] = 1;
    const literalLengths = codeLengths(literalCounts, 15);
    const distanceLengths = codeLengths(distanceCounts, 15);
    const description = describeCodes(literalLengths, distanceLengths);
    const dynamicBits = description.bits + this.#bitsWith(literalLengths, distanceLengths);
    const fixedBits = this.#bitsWith(fixedLiteralLengths, fixedDistanceLengths);
    const storedBits = raw.length * 8 + 7 + 32 * Math.max(1, Math.ceil(raw.length / 65535));
    const writer = this.#writer;
    if (storedBits < Math.min(dynamicBits, fixedBits)) {
      writeStored(writer, raw, isLast);
      return;
    }
    writer.put(isLast ? 1 : 0, 1);
    const isFixed = fixedBits <= dynamicBits;
    writer.put(isFixed ? 1 : 2, 2);
    if (!isFixed) description.write(writer);
    if (isFixed) this.#emit(from, count, fixedLiteralLengths, fixedDistanceLengths);
    else this.#emit(from, count, literalLengths, distanceLengths);
  }

  #bitsWith(literalLengths: Uint8Array, distanceLengths: Uint8Array): number {
    const { literalCounts, distanceCounts } = this.#memory;
    let bits = 0;
    for (let symbol = 0; symbol < literalSymbols; symbol++) {
      const extra = symbol < firstLengthSymbol ? 0 : (lengthExtraBits[symbol - firstLengthSymbol] as number);
      bits += (literalCounts[symbol] as number) * ((literalLengths[symbol] as number) + extra);
    }
    for (let code = 0; code < distanceCodes; code++)
      bits +=
        (distanceCounts[code] as number) * ((distanceLengths[code] as number) + (distanceExtraBits[code] as number));
    return bits;
  }

  #emit(from: number, count: number, literalLengths: Uint8Array, distanceLengths: Uint8Array): void {
    const { written, writtenDistances } = this.#memory;
    const literals = assignCodes(literalLengths);
    const distances = assignCodes(distanceLengths);
    for (let byte = 0; byte < 256; byte++)
      written[byte] = ((literalLengths[byte] as number) << 24) | (literals[byte] as number);
    for (let length = 0; length < 256; length++) {
      const code = lengthCodeOf[length] as number;
      const codeBits = literalLengths[firstLengthSymbol + code] as number;
      const extra = length - (lengthBase[code] as number);
      const bits = (literals[firstLengthSymbol + code] as number) | (extra << codeBits);
      written[256 + length] = ((codeBits + (lengthExtraBits[code] as number)) << 24) | bits;
    }
    for (let code = 0; code < distanceCodes; code++)
      writtenDistances[code] = ((distanceLengths[code] as number) << 24) | (distances[code] as number);
    const writer = this.#writer;
    Object.assign(writer, this.#memory.emit(from, count, writer));
    writer.put(literals[endOfBlock] as number, literalLengths[endOfBlock] as number);
  }
}

function writeStored(writer: BitWriter, raw: Uint8Array, isLast: boolean): void {
  // Never for an empty block: the fixed codes need less.
  for (let at = 0; at < raw.length; at += 65535) {
    const part = raw.subarray(at, at + 65535);
    writer.put(isLast && at + part.length === raw.length ? 1 : 0, 3);
    writer.toByte();
    writer.put(part.length, 16);
    writer.put(part.length ^ 0xffff, 16);
    writer.target.set(part, writer.used);
    writer.used += part.length;
  }
}

/** The code lengths of a block, run-length coded and Huffman coded themselves: section 3.2.7. */
function describeCodes(literalLengths: Uint8Array, distanceLengths: Uint8Array) {
  const literalCount = Math.max(257, lastUsed(literalLengths) + 1);
  const distanceCount = Math.max(1, lastUsed(distanceLengths) + 1);
  const both = new Uint8Array(literalCount + distanceCount);
  both.set(literalLengths.subarray(0, literalCount));
  both.set(distanceLengths.subarray(0, distanceCount), literalCount);
  const runs = runLengths(both);
  const counts = new Uint32Array(19);
  for (const run of runs) counts[run & 0xff] = (counts[run & 0xff] as number) + 1;
  const lengths = codeLengths(counts, 7);
  let orderCount = codeLengthOrder.length;
  while (orderCount > 4 && lengths[codeLengthOrder[orderCount - 1] as number] === 0) orderCount--;
  let bits = 3 + 14 + orderCount * 3;
  for (const run of runs) bits += (lengths[run & 0xff] as number) + (codeLengthExtraBits[run & 0xff] as number);
  return {
    bits,
    write(writer: BitWriter): void {
      writer.put(literalCount - 257, 5);
      writer.put(distanceCount - 1, 5);
      writer.put(orderCount - 4, 4);
      for (const symbol of codeLengthOrder.slice(0, orderCount)) writer.put(lengths[symbol] as number, 3);
      const codes = assignCodes(lengths);
      for (const run of runs) {
        const symbol = run & 0xff;
        writer.put(codes[symbol] as number, lengths[symbol] as number);
        writer.put(run >> 8, codeLengthExtraBits[symbol] as number);
      }
    },
  };
}

/** 16 repeats the length before 3 to 6 times; 17 is 3 to 10 zeros, 18 is 11 to 138 of them. Each is the symbol and, from bit 8 on, its extra bits. */
function runLengths(lengths: Uint8Array): readonly number[] {
  const runs: number[] = [];
  for (let at = 0; at < lengths.length; ) {
    const length = lengths[at] as number;
    let left = 1;
    while (lengths[at + left] === length) left++;
    at += left;
    if (length !== 0) {
      runs.push(length);
      left--;
    }
    while (left >= 3) {
      const take = Math.min(left, length !== 0 ? 6 : 138);
      if (length !== 0) runs.push(16 | ((take - 3) << 8));
      else if (take >= 11) runs.push(18 | ((take - 11) << 8));
      else runs.push(17 | ((take - 3) << 8));
      left -= take;
    }
    for (; left > 0; left--) runs.push(length);
  }
  return runs;
}

function lastUsed(lengths: Uint8Array): number {
  let last = lengths.length - 1;
  while (last >= 0 && lengths[last] === 0) last--;
  return last;
}
