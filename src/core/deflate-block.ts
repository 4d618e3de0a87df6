import { assignCodes, codeLengths } from "./huffman.ts";

/** Codes of match lengths and distances: RFC 1951 section 3.2.5. Lengths are stored less 3, as in the tables here. */
const lengthCodes = 29;
const distanceCodes = 30;
const lengthCodeOf = new Uint8Array(256);
const lengthBase = new Uint16Array(lengthCodes);
const lengthExtraBits = new Uint8Array(lengthCodes);
const largestDistance = 32768;
const distanceCodeOf = new Uint8Array(largestDistance + 1);
const distanceBase = new Uint16Array(distanceCodes);
const distanceExtraBits = new Uint8Array(distanceCodes);

for (let code = 0, length = 0; code < lengthCodes - 1; code++) {
  lengthBase[code] = length;
  lengthExtraBits[code] = code < 8 ? 0 : (code >> 2) - 1;
  for (const end = length + (1 << (lengthExtraBits[code] as number)); length < end; length++)
    lengthCodeOf[length] = code;
}
// 258, the longest match, has a code of its own.
lengthCodeOf[255] = lengthCodes - 1;
lengthBase[lengthCodes - 1] = 255;
for (let code = 0, distance = 1; code < distanceCodes; code++) {
  distanceBase[code] = distance;
  distanceExtraBits[code] = code < 4 ? 0 : (code >> 1) - 1;
  for (const end = distance + (1 << (distanceExtraBits[code] as number)); distance < end; distance++)
    distanceCodeOf[distance] = code;
}

const endOfBlock = 256;
const firstLengthSymbol = 257;
const literalSymbols = firstLengthSymbol + lengthCodes;

/** Section 3.2.6: the codes that need no description. */
const fixedLiteralLengths = Uint8Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8));
const fixedDistanceLengths = new Uint8Array(distanceCodes).fill(5);

/** Section 3.2.7: the order in which lengths of the codes for code lengths are written. */
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const codeLengthExtraBits = Uint8Array.from({ length: 19 }, (_, s) => (s === 16 ? 2 : s === 17 ? 3 : s === 18 ? 7 : 0));

/** Bits into bytes, the first in the lowest place. */
class BitWriter {
  target: Uint8Array = new Uint8Array(0);
  used = 0;
  bits = 0;
  bitCount = 0;

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
const shortestMatch = 3;

/**
 * Writes literals and matches as blocks, each in whichever of the three ways is shortest. A literal is its byte; a match the distance from bit 9 on, bit 8,
 * and its length less 3.
 */
export class BlockWriter {
  readonly #writer = new BitWriter();
  readonly #literalCounts = new Uint32Array(literalSymbols);
  readonly #distanceCounts = new Uint32Array(distanceCodes);
  /** For the low nine bits of each symbol what is written: a literal's code, or a match length's code and extra bits. How many bits they are is from bit 24 on. */
  readonly #written = new Uint32Array(512);

  /** Returns the length of what was written; `raw` is what the symbols stand for. The target must have room for somewhat more than that. */
  write(symbols: Uint32Array, raw: Uint8Array, target: Uint8Array): number {
    Object.assign(this.#writer, { target, used: 0, bits: 0, bitCount: 0 });
    let rawAt = 0;
    let at = 0;
    do {
      const block = symbols.subarray(at, at + symbolsPerBlock);
      at += block.length;
      const rawBytes = this.#count(block);
      this.#writeBlock(block, raw.subarray(rawAt, rawAt + rawBytes), at === symbols.length);
      rawAt += rawBytes;
    } while (at < symbols.length);
    this.#writer.toByte();
    return this.#writer.used;
  }

  #writeBlock(symbols: Uint32Array, raw: Uint8Array, isLast: boolean): void {
    const literalLengths = codeLengths(this.#literalCounts, 15);
    const distanceLengths = codeLengths(this.#distanceCounts, 15);
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
    if (isFixed) this.#emit(symbols, fixedLiteralLengths, fixedDistanceLengths);
    else this.#emit(symbols, literalLengths, distanceLengths);
  }

  /** Counts the codes that the symbols need; returns how many bytes they stand for. */
  #count(symbols: Uint32Array): number {
    const literalCounts = this.#literalCounts.fill(0);
    const distanceCounts = this.#distanceCounts.fill(0);
    let rawBytes = 0;
    for (let index = 0; index < symbols.length; index++) {
      const symbol = symbols[index] as number;
      if (symbol < 256) {
        literalCounts[symbol] = (literalCounts[symbol] as number) + 1;
        rawBytes++;
      } else {
        const lengthSymbol = firstLengthSymbol + (lengthCodeOf[symbol & 0xff] as number);
        literalCounts[lengthSymbol] = (literalCounts[lengthSymbol] as number) + 1;
        const distanceCode = distanceCodeOf[symbol >>> 9] as number;
        distanceCounts[distanceCode] = (distanceCounts[distanceCode] as number) + 1;
        rawBytes += (symbol & 0xff) + shortestMatch;
      }
    }
    literalCounts[endOfBlock] = 1;
    return rawBytes;
  }

  #bitsWith(literalLengths: Uint8Array, distanceLengths: Uint8Array): number {
    let bits = 0;
    for (let symbol = 0; symbol < literalSymbols; symbol++) {
      const extra = symbol < firstLengthSymbol ? 0 : (lengthExtraBits[symbol - firstLengthSymbol] as number);
      bits += (this.#literalCounts[symbol] as number) * ((literalLengths[symbol] as number) + extra);
    }
    for (let code = 0; code < distanceCodes; code++)
      bits +=
        (this.#distanceCounts[code] as number) *
        ((distanceLengths[code] as number) + (distanceExtraBits[code] as number));
    return bits;
  }

  #fillWritten(literals: Uint16Array, literalLengths: Uint8Array): Uint32Array {
    const written = this.#written;
    for (let byte = 0; byte < 256; byte++)
      written[byte] = ((literalLengths[byte] as number) << 24) | (literals[byte] as number);
    for (let length = 0; length < 256; length++) {
      const code = lengthCodeOf[length] as number;
      const codeBits = literalLengths[firstLengthSymbol + code] as number;
      const extra = length - (lengthBase[code] as number);
      const bits = (literals[firstLengthSymbol + code] as number) | (extra << codeBits);
      written[256 + length] = ((codeBits + (lengthExtraBits[code] as number)) << 24) | bits;
    }
    return written;
  }

  /** The inner loop: all of the writer's state is in local variables. At most 15 bits wait; whenever there may be more, 16 go out. */
  #emit(symbols: Uint32Array, literalLengths: Uint8Array, distanceLengths: Uint8Array): void {
    const literals = assignCodes(literalLengths);
    const distances = assignCodes(distanceLengths);
    const written = this.#fillWritten(literals, literalLengths);
    const writer = this.#writer;
    const { target } = writer;
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    let { used, bits, bitCount } = writer;
    for (let index = 0; index < symbols.length; index++) {
      const symbol = symbols[index] as number;
      const entry = written[symbol & 0x1ff] as number;
      let value = entry & 0xffffff;
      let valueBits = entry >>> 24;
      if (valueBits > 16) {
        bits |= (value & 0xffff) << bitCount;
        view.setUint16(used, bits, true);
        used += 2;
        bits >>>= 16;
        value >>>= 16;
        valueBits -= 16;
      }
      bits |= value << bitCount;
      bitCount += valueBits;
      if (bitCount >= 16) {
        view.setUint16(used, bits, true);
        used += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
      if (symbol < 256) continue;
      const distance = symbol >>> 9;
      const distanceCode = distanceCodeOf[distance] as number;
      bits |= (distances[distanceCode] as number) << bitCount;
      bitCount += distanceLengths[distanceCode] as number;
      if (bitCount >= 16) {
        view.setUint16(used, bits, true);
        used += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
      bits |= (distance - (distanceBase[distanceCode] as number)) << bitCount;
      bitCount += distanceExtraBits[distanceCode] as number;
      if (bitCount >= 16) {
        view.setUint16(used, bits, true);
        used += 2;
        bits >>>= 16;
        bitCount -= 16;
      }
    }
    Object.assign(writer, { used, bits, bitCount });
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
