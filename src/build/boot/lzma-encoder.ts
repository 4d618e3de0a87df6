import { evenProbability, RangeEncoder } from "./range-encoder.ts";

const lc = 3;
const pb = 2;
const minMatch = 2;
const maxMatch = 273;
const dictionaryBytes = 64 * 1024;
const chainDepth = 48;
const niceMatch = 64;
const hashBits = 15;

function models(count: number): Uint16Array {
  return new Uint16Array(count).fill(evenProbability);
}

/** Models of one kind of length (LZMA specification, "The match length decoder"). */
function lengthModels() {
  return { choice: models(2), low: models(16 << 3), mid: models(16 << 3), high: models(256) };
}

/**
 * Compresses into a raw LZMA1 stream with lc 3, lp 0, pb 2 and a 64 KiB dictionary, without header or end marker: what GRUB's
 * lzma_decompress.img expects. Deterministic.
 */
export function lzmaEncode(input: Uint8Array): Uint8Array {
  const coder = new RangeEncoder(input.length >>> 1);
  const finder = new MatchFinder(input);
  const isMatch = models(12 << 4);
  const isRep = models(12);
  const isRepG0 = models(12);
  const isRepG1 = models(12);
  const isRepG2 = models(12);
  const isRep0Long = models(12 << 4);
  const literals = models(0x300 << lc);
  const slots = models(4 << 6);
  const special = models(1 + 128);
  const align = models(16);
  const matchLengths = lengthModels();
  const repLengths = lengthModels();
  const reps = [0, 0, 0, 0];
  let state = 0;

  const codeLength = (set: ReturnType<typeof lengthModels>, length: number, posState: number) => {
    const value = length - minMatch;
    if (value < 8) {
      coder.bit(set.choice, 0, 0);
      coder.tree(set.low, posState << 3, 3, value);
    } else if (value < 16) {
      coder.bit(set.choice, 0, 1);
      coder.bit(set.choice, 1, 0);
      coder.tree(set.mid, posState << 3, 3, value - 8);
    } else {
      coder.bit(set.choice, 0, 1);
      coder.bit(set.choice, 1, 1);
      coder.tree(set.high, 0, 8, value - 16);
    }
  };

  const codeLiteral = (at: number) => {
    const byte = input[at] as number;
    const before = at === 0 ? 0 : (input[at - 1] as number);
    const base = 0x300 * (before >>> (8 - lc));
    if (state < 7) coder.tree(literals, base, 8, byte);
    else {
      // After a match the byte that the match would have given next is a strong hint: its bits choose the models until one differs.
      let matched = input[at - (reps[0] as number) - 1] as number;
      let offset = 0x100;
      let node = 1;
      for (let shift = 7; shift >= 0; shift--) {
        matched = (matched << 1) & 0x1ff;
        const bit = (byte >>> shift) & 1;
        const matchBit = matched & offset;
        coder.bit(literals, base + offset + matchBit + node, bit);
        node = (node << 1) | bit;
        if ((matchBit !== 0 ? 1 : 0) !== bit) offset = 0;
      }
    }
    state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  };

  const codeDistance = (distance: number, length: number) => {
    const slot = distanceSlot(distance);
    coder.tree(slots, Math.min(length - minMatch, 3) << 6, 6, slot);
    if (slot < 4) return;
    const footerBits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << footerBits;
    const rest = distance - base;
    if (slot < 14) coder.reverseTree(special, base - slot, footerBits, rest);
    else {
      coder.direct(rest >>> 4, footerBits - 4);
      coder.reverseTree(align, 0, 4, rest & 15);
    }
  };

  const codeMatch = (distance: number, length: number, posState: number) => {
    coder.bit(isMatch, (state << 4) + posState, 1);
    const rep = reps.indexOf(distance);
    if (rep < 0) {
      coder.bit(isRep, state, 0);
      codeLength(matchLengths, length, posState);
      codeDistance(distance, length);
      reps.pop();
      reps.unshift(distance);
      state = state < 7 ? 7 : 10;
      return;
    }
    coder.bit(isRep, state, 1);
    if (rep === 0) {
      coder.bit(isRepG0, state, 0);
      coder.bit(isRep0Long, (state << 4) + posState, length === 1 ? 0 : 1);
    } else {
      coder.bit(isRepG0, state, 1);
      coder.bit(isRepG1, state, rep === 1 ? 0 : 1);
      if (rep > 1) coder.bit(isRepG2, state, rep - 2);
      reps.splice(rep, 1);
      reps.unshift(distance);
    }
    if (length === 1) state = state < 7 ? 9 : 11;
    else {
      codeLength(repLengths, length, posState);
      state = state < 7 ? 8 : 11;
    }
  };

  let at = 0;
  let found = finder.find(at, reps);
  while (at < input.length) {
    const posState = at & ((1 << pb) - 1);
    const { length, distance } = found;
    if (length >= minMatch) {
      // One byte later there may be a better match: then this byte goes as a literal.
      const next = at + 1 < input.length && length < niceMatch ? finder.find(at + 1, reps) : undefined;
      if (next === undefined || !isBetter(next, found)) {
        codeMatch(distance, length, posState);
        finder.skip(at + (next === undefined ? 1 : 2), at + length);
        at += length;
        if (at < input.length) found = finder.find(at, reps);
        continue;
      }
      coder.bit(isMatch, (state << 4) + posState, 0);
      codeLiteral(at);
      at++;
      found = next;
      continue;
    }
    const rep0 = reps[0] as number;
    if (at > rep0 && input[at] === input[at - rep0 - 1] && state >= 7) codeMatch(rep0, 1, posState);
    else {
      coder.bit(isMatch, (state << 4) + posState, 0);
      codeLiteral(at);
    }
    at++;
    if (at < input.length) found = finder.find(at, reps);
  }
  return coder.finish();
}

interface Match {
  readonly length: number;
  /** From 0: the byte just before. */
  readonly distance: number;
  readonly isRep: boolean;
}

const noMatch: Match = { length: 0, distance: 0, isRep: false };

/** Rough cost in bits of naming a distance. */
function distanceCost({ distance, isRep }: Match): number {
  return isRep ? 4 : 7 + Math.max(0, 31 - Math.clz32(distance + 1));
}

function isBetter(next: Match, now: Match): boolean {
  return (next.length - now.length) * 6 > distanceCost(next) - distanceCost(now) + 4;
}

function distanceSlot(distance: number): number {
  if (distance < 4) return distance;
  const high = 31 - Math.clz32(distance);
  return (high << 1) | ((distance >>> (high - 1)) & 1);
}

/** Finds earlier occurrences by chains of positions that share a hash of three bytes. */
class MatchFinder {
  readonly #input: Uint8Array;
  readonly #heads = new Int32Array(1 << hashBits).fill(-1);
  readonly #previous: Int32Array;

  constructor(input: Uint8Array) {
    this.#input = input;
    this.#previous = new Int32Array(input.length);
  }

  /** The match that is worth most at a position, and enters the position. Positions come in order. */
  find(at: number, reps: readonly number[]): Match {
    const input = this.#input;
    const limit = Math.min(maxMatch, input.length - at);
    let best = noMatch;
    for (const distance of reps) {
      if (distance >= at) continue;
      const length = this.#common(at - distance - 1, at, limit);
      if (length >= minMatch && length > best.length) best = { length, distance, isRep: true };
    }
    if (limit < 3 || best.length >= niceMatch) {
      this.#enter(at);
      return best;
    }
    let candidate = this.#heads[this.#hash(at)] as number;
    let longest = 2;
    for (let depth = chainDepth; candidate >= 0 && depth > 0; depth--) {
      const distance = at - candidate - 1;
      if (distance >= dictionaryBytes) break;
      if (input[candidate + longest] === input[at + longest]) {
        const length = this.#common(candidate, at, limit);
        if (length > longest) {
          longest = length;
          const match: Match = { length, distance, isRep: false };
          const worth = (length > 3 || distance < 2048) && (best === noMatch || isBetter(match, best));
          if (worth) best = match;
          if (length >= niceMatch) break;
        }
      }
      candidate = this.#previous[candidate] as number;
    }
    this.#enter(at);
    return best;
  }

  /** Enters the positions that a match covers. */
  skip(from: number, to: number): void {
    for (let at = from; at < to; at++) this.#enter(at);
  }

  #hash(at: number): number {
    const input = this.#input;
    const bytes = (input[at] as number) | ((input[at + 1] as number) << 8) | ((input[at + 2] as number) << 16);
    return Math.imul(bytes, 0x9e3779b1) >>> (32 - hashBits);
  }

  #enter(at: number): void {
    if (at + 2 >= this.#input.length) return;
    const hash = this.#hash(at);
    this.#previous[at] = this.#heads[hash] as number;
    this.#heads[hash] = at;
  }

  #common(a: number, b: number, limit: number): number {
    const input = this.#input;
    let length = 0;
    while (length < limit && input[a + length] === input[b + length]) length++;
    return length;
  }
}
