import { BlockWriter, matchSymbol } from "./deflate-block.ts";

const shortestMatch = 3;
const longestMatch = 258;

/** A match this long is taken at once; one of `goodLength` is only tried to be bettered with a quarter of the effort, one of `lazyLength` not at all. */
const niceLength = 128;
const lazyLength = 16;
const goodLength = 8;
/** A match of three that is farther away costs more than three literals. */
const farthestOfThree = 4096;
const symbolsPerBlock = 8192;

/** Knuth's multiplicative method. */
const hashFactor = 0x9e3779b1;
const shift4 = 32 - 15;
const shift3 = 32 - 13;

/**
 * A raw deflate encoder (RFC 1951) for one cluster after the other. Our own, because the bytes of an image must not depend on which Node, and so which zlib, compressed it; and because Node's
 * zlib looks for matches of four bytes and more only, which costs it two percent against what qemu-img writes.
 *
 * It does what zlib's level 6 does, with differences that make it both smaller and faster. Candidates are chained by four bytes, so that there are few of
 * them, and for a match of three only the nearest is tried. How many are tried depends on what that brought so far. Blocks are shorter, each with codes of its own. All tables are small enough to stay in the processor's nearest cache.
 */
export class Deflater {
  readonly #blocks = new BlockWriter(symbolsPerBlock);
  // Positions are stored in 16 bits. What is older than that seems near, but what is there is compared in any case.
  /** The last position of each hash of four bytes, and of three. */
  readonly #heads4 = new Uint16Array(2 ** (32 - shift4));
  readonly #heads3 = new Uint16Array(2 ** (32 - shift3));
  /** For each position of the window, the one before it with the same hash of four. */
  readonly #previous: Uint16Array;
  /** How many candidates are tried at least and at most: more where there are more. */
  readonly #shallowest: number;
  readonly #deepest: number;
  /** The input, and zeros behind it: four bytes can be read from any position. */
  readonly #input: Uint8Array;
  readonly #view: DataView;

  /** For inputs of up to `largestBytes`; matches reach back `windowBytes`, a power of two up to 32 KiB. */
  constructor(largestBytes: number, windowBytes: number) {
    this.#previous = new Uint16Array(windowBytes);
    this.#shallowest = Math.max(16, windowBytes >> 8);
    this.#deepest = Math.max(128, windowBytes >> 7);
    this.#input = new Uint8Array(largestBytes + 8);
    this.#view = new DataView(this.#input.buffer);
  }

  /** Writes the input's compressed form and returns its length. The target needs room for the input and an eighth more. */
  deflate(source: Uint8Array, target: Uint8Array): number {
    const blocks = this.#blocks;
    const { symbols } = blocks;
    const heads4 = this.#heads4;
    const heads3 = this.#heads3;
    const previous = this.#previous;
    const windowBytes = previous.length;
    const windowMask = windowBytes - 1;
    const shallowest = this.#shallowest;
    const deepest = this.#deepest;
    const input = this.#input;
    const view = this.#view;
    const { length } = source;
    const hashable = length - 3;
    input.set(source);
    input.fill(0, length, length + 8);
    heads4.fill(0);
    heads3.fill(0);
    blocks.start(target);
    let symbolCount = 0;
    let blockStart = 0;
    let position = 0;
    // How many candidates are tried now: where the last ones tend to be the better ones, ever more.
    let depth = deepest;
    // A match is held back until the next position has been tried: a longer one there is worth a literal here.
    let heldLength = 0;
    let heldDistance = 0;
    let literalIsHeld = false;
    while (position < length) {
      let bestLength = heldLength;
      let bestDistance = 0;
      if (position < hashable) {
        const word = view.getInt32(position, true);
        const hash4 = Math.imul(word, hashFactor) >>> shift4;
        const hash3 = Math.imul(word << 8, hashFactor) >>> shift3;
        const nearest4 = heads4[hash4] as number;
        const nearest3 = heads3[hash3] as number;
        heads4[hash4] = position;
        heads3[hash3] = position;
        previous[position & windowMask] = nearest4;
        if (heldLength < lazyLength) {
          const reach = Math.min(position, windowBytes);
          if (heldLength === 0) {
            bestLength = shortestMatch;
            const distance = (position - nearest3) & 0xffff;
            const isNear = distance !== 0 && distance <= reach && distance <= farthestOfThree;
            if (isNear && (view.getInt32(position - distance, true) ^ word) << 8 === 0) bestDistance = distance;
          }
          let distance = (position - nearest4) & 0xffff;
          if (distance !== 0 && distance <= reach) {
            const longest = Math.min(longestMatch, length - position);
            const enough = Math.min(niceLength, longest);
            const isGood = heldLength >= goodLength;
            let left = isGood ? depth >> 2 : depth;
            let leftWhenFound = depth;
            // What a longer match must have at the end of the best one so far: most candidates have not.
            let endOffset = bestLength - 3;
            let endWord = view.getInt32(position + endOffset, true);
            do {
              const candidate = position - distance;
              if (view.getInt32(candidate + endOffset, true) === endWord && view.getInt32(candidate, true) === word) {
                let matched = 4;
                while (matched < longest) {
                  const difference = view.getInt32(candidate + matched, true) ^ view.getInt32(position + matched, true);
                  if (difference !== 0) {
                    matched += (31 - Math.clz32(difference & -difference)) >> 3;
                    break;
                  }
                  matched += 4;
                }
                if (matched > longest) matched = longest;
                if (matched > bestLength) {
                  bestLength = matched;
                  bestDistance = distance;
                  leftWhenFound = left;
                  if (matched >= enough) break;
                  endOffset = matched - 3;
                  endWord = view.getInt32(position + endOffset, true);
                }
              }
              const next = (position - (previous[candidate & windowMask] as number)) & 0xffff;
              // A place in the ring that was used again points forward.
              if (next <= distance) break;
              distance = next;
            } while (distance <= reach && --left !== 0);
            if (left === 0 && !isGood) {
              if (leftWhenFound <= depth >> 1) depth = Math.min(depth + 4, deepest);
              else if (depth > shallowest) depth--;
            }
          }
        }
      }
      if (heldLength !== 0 && bestDistance === 0) {
        symbols[symbolCount++] = matchSymbol(heldLength, heldDistance);
        const end = position - 1 + heldLength;
        const hashEnd = Math.min(end, hashable);
        for (position++; position < hashEnd; position++) {
          const word = view.getInt32(position, true);
          const hash4 = Math.imul(word, hashFactor) >>> shift4;
          previous[position & windowMask] = heads4[hash4] as number;
          heads4[hash4] = position;
          heads3[Math.imul(word << 8, hashFactor) >>> shift3] = position;
        }
        position = end;
        heldLength = 0;
        literalIsHeld = false;
      } else {
        if (literalIsHeld) symbols[symbolCount++] = input[position - 1] as number;
        literalIsHeld = true;
        heldLength = bestDistance === 0 ? 0 : bestLength;
        heldDistance = bestDistance;
        position++;
      }
      if (symbolCount === symbolsPerBlock) {
        const blockEnd = literalIsHeld ? position - 1 : position;
        blocks.flush(symbolCount, source.subarray(blockStart, blockEnd), false);
        symbolCount = 0;
        blockStart = blockEnd;
      }
    }
    if (literalIsHeld) symbols[symbolCount++] = input[length - 1] as number;
    blocks.flush(symbolCount, source.subarray(blockStart), true);
    return blocks.finish();
  }
}
