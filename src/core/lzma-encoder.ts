import { MatchFinder, minMatch, niceMatch } from "./match-finder.ts";
import { evenProbability, RangeEncoder } from "./range-encoder.ts";

const literalContextBits = 3;
const positionMask = (1 << 2) - 1;

/** LZMA2 allows more plain bytes in a chunk, but not more coded ones. */
const chunkBytes = 64 * 1024;

/** What is kept of the encoder's work is kept under this number: raise it when other bytes come out. */
export const lzmaVersion = 1;

/**
 * Compresses into a raw LZMA1 stream with lc 3, lp 0, pb 2 and a 64 KiB dictionary, without header or end marker: what GRUB's
 * lzma_decompress.img expects. Deterministic. The format: Igor Pavlov, "LZMA specification", in the LZMA SDK of 7-zip.org.
 */
export function lzmaEncode(input: Uint8Array): Uint8Array {
  const coder = new Coder(input);
  encodeRange(new MatchFinder(input, 64 * 1024), coder, 0, input.length);
  return coder.finish();
}

/** Compresses into LZMA2 with lc 3, lp 0, pb 2: what an .xz file's block holds. The format: Linux, lib/xz/xz_dec_lzma2.c, xz_dec_lzma2_run. */
export function lzma2Encode(input: Uint8Array, dictionaryBytes: number): Uint8Array {
  const finder = new MatchFinder(input, dictionaryBytes);
  const parts: Uint8Array[] = [];
  let coder = new Coder(input);
  let hasProperties = false;
  let isFresh = true;
  for (let at = 0; at < input.length; at += chunkBytes) {
    const plain = input.subarray(at, at + chunkBytes);
    encodeRange(finder, coder, at, at + plain.length);
    const coded = coder.finish();
    const [plainHigh, plainLow] = [(plain.length - 1) >> 8, (plain.length - 1) & 0xff];
    if (coded.length < plain.length) {
      // Dictionary, properties and state are new; properties and state; state; nothing.
      const control = at === 0 ? 0xe0 : !hasProperties ? 0xc0 : isFresh ? 0xa0 : 0x80;
      parts.push(Uint8Array.of(control, plainHigh, plainLow, (coded.length - 1) >> 8, (coded.length - 1) & 0xff));
      if (control >= 0xc0) parts.push(Uint8Array.of(literalContextBits + 9 * (0 + 5 * 2)));
      parts.push(coded);
      hasProperties = true;
      isFresh = false;
    } else {
      parts.push(Uint8Array.of(at === 0 ? 1 : 2, plainHigh, plainLow), plain);
      // What the coder learnt from it, the decoder does not.
      coder = new Coder(input);
      isFresh = true;
    }
  }
  parts.push(Uint8Array.of(0));
  return Buffer.concat(parts);
}

function encodeRange(finder: MatchFinder, coder: Coder, start: number, end: number): void {
  let at = start;
  let isFound = false;
  while (at < end) {
    if (!isFound) finder.find(at, end, coder.recentDistances);
    isFound = false;
    const { length, distance, savedBits } = finder;
    if (length < minMatch) {
      coder.codeByte(at);
      at++;
      continue;
    }
    let entered = at + 1;
    if (length < niceMatch && at + 1 < end) {
      finder.find(at + 1, end, coder.recentDistances);
      entered++;
      if (finder.isBetterThan(savedBits)) {
        coder.codeLiteral(at);
        at++;
        isFound = true;
        continue;
      }
    }
    coder.codeMatch(at, distance, length);
    finder.skip(entered, at + length);
    at += length;
  }
}

/** Models of one kind of length (LZMA specification, "The match length decoder"). */
interface LengthModels {
  readonly choice: Uint16Array;
  readonly low: Uint16Array;
  readonly middle: Uint16Array;
  readonly high: Uint16Array;
}

/** Turns literals and matches into bits. The names of models and states are the specification's. */
class Coder {
  /** The distances of the last four matches, the last first. */
  readonly recentDistances = new Int32Array(4);
  #state = 0;

  readonly #input: Uint8Array;
  readonly #coder: RangeEncoder;
  readonly #isMatch = models(12 << 4);
  readonly #isRep = models(12);
  readonly #isRepG0 = models(12);
  readonly #isRepG1 = models(12);
  readonly #isRepG2 = models(12);
  readonly #isRep0Long = models(12 << 4);
  readonly #literals = models(0x300 << literalContextBits);
  readonly #slots = models(4 << 6);
  readonly #special = models(1 + 128);
  readonly #align = models(16);
  readonly #matchLengths = lengthModels();
  readonly #repLengths = lengthModels();

  constructor(input: Uint8Array) {
    this.#input = input;
    this.#coder = new RangeEncoder(input.length >>> 1);
  }

  /** One byte: as a repetition of the last distance if that gives it, else as a literal. */
  codeByte(at: number): void {
    const distance = this.recentDistances[0] as number;
    // Right after literals a literal is about as cheap, and keeps the state where the next ones are cheap too.
    if (this.#state >= 7 && at > distance && this.#input[at] === this.#input[at - distance - 1])
      this.codeMatch(at, distance, 1);
    else this.codeLiteral(at);
  }

  codeLiteral(at: number): void {
    const input = this.#input;
    const coder = this.#coder;
    const state = this.#state;
    coder.bit(this.#isMatch, (state << 4) + (at & positionMask), 0);
    const byte = input[at] as number;
    const before = at === 0 ? 0 : (input[at - 1] as number);
    const base = 0x300 * (before >>> (8 - literalContextBits));
    if (state < 7) coder.tree(this.#literals, base, 8, byte);
    else {
      // After a match the byte that the match would have given next is a strong hint: its bits choose the models until one differs.
      let hint = input[at - (this.recentDistances[0] as number) - 1] as number;
      let offset = 0x100;
      let node = 1;
      for (let shift = 7; shift >= 0; shift--) {
        hint <<= 1;
        const hintBit = hint & offset;
        const bit = (byte >>> shift) & 1;
        coder.bit(this.#literals, base + offset + hintBit + node, bit);
        node = (node << 1) | bit;
        if ((hintBit !== 0 ? 1 : 0) !== bit) offset = 0;
      }
    }
    this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  }

  /** `length` is 1 only for the distance used last. */
  codeMatch(at: number, distance: number, length: number): void {
    const coder = this.#coder;
    const recent = this.recentDistances;
    const state = this.#state;
    const posState = at & positionMask;
    coder.bit(this.#isMatch, (state << 4) + posState, 1);
    const index = recent.indexOf(distance);
    if (index < 0) {
      coder.bit(this.#isRep, state, 0);
      this.#codeLength(this.#matchLengths, length, posState);
      this.#codeDistance(distance, length);
      recent.copyWithin(1, 0, 3);
      recent[0] = distance;
      this.#state = state < 7 ? 7 : 10;
      return;
    }
    coder.bit(this.#isRep, state, 1);
    coder.bit(this.#isRepG0, state, index === 0 ? 0 : 1);
    if (index === 0) coder.bit(this.#isRep0Long, (state << 4) + posState, length === 1 ? 0 : 1);
    else {
      coder.bit(this.#isRepG1, state, index === 1 ? 0 : 1);
      if (index > 1) coder.bit(this.#isRepG2, state, index - 2);
      recent.copyWithin(1, 0, index);
      recent[0] = distance;
    }
    if (length > 1) this.#codeLength(this.#repLengths, length, posState);
    this.#state = length === 1 ? (state < 7 ? 9 : 11) : state < 7 ? 8 : 11;
  }

  finish(): Uint8Array {
    return this.#coder.finish();
  }

  #codeLength({ choice, low, middle, high }: LengthModels, length: number, posState: number): void {
    const coder = this.#coder;
    const value = length - minMatch;
    coder.bit(choice, 0, value < 8 ? 0 : 1);
    if (value < 8) {
      coder.tree(low, posState << 3, 3, value);
      return;
    }
    coder.bit(choice, 1, value < 16 ? 0 : 1);
    if (value < 16) coder.tree(middle, posState << 3, 3, value - 8);
    else coder.tree(high, 0, 8, value - 16);
  }

  #codeDistance(distance: number, length: number): void {
    const coder = this.#coder;
    const slot = distanceSlot(distance);
    coder.tree(this.#slots, Math.min(length - minMatch, 3) << 6, 6, slot);
    if (slot < 4) return;
    const footerBits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << footerBits;
    const rest = distance - base;
    if (slot < 14) coder.reverseTree(this.#special, base - slot, footerBits, rest);
    else {
      coder.direct(rest >>> 4, footerBits - 4);
      coder.reverseTree(this.#align, 0, 4, rest & 15);
    }
  }
}

/** The highest set bit's number twice, plus the bit below it. */
function distanceSlot(distance: number): number {
  if (distance < 4) return distance;
  const high = 31 - Math.clz32(distance);
  return (high << 1) | ((distance >>> (high - 1)) & 1);
}

function models(count: number): Uint16Array {
  return new Uint16Array(count).fill(evenProbability);
}

function lengthModels(): LengthModels {
  return { choice: models(2), low: models(16 << 3), middle: models(16 << 3), high: models(256) };
}
