import { BlockWriter } from "./deflate-block.ts";

const shortestMatch = 3;
const longestMatch = 258;

/**
 * How hard to look, in the terms of zlib's level 6, from which only the last differs: more blocks, each with codes of its own. With matches up to the
 * window's very end this makes it smaller than zlib, always; and V8 runs it as fast as a C compiler's zlib.
 */
const chainLimit = 128;
/** A match this long is taken at once; one of `goodLength` is only tried to be bettered with a quarter of the effort. */
const niceLength = 128;
const lazyLength = 16;
const goodLength = 8;
const symbolsPerBlock = 8192;

/**
 * A raw deflate encoder (RFC 1951) for one cluster after the other. Our own, because the bytes of an image must not depend on which Node, and so which zlib, compressed it; and because Node's
 * zlib looks for matches of four bytes and more only, which costs it two percent against what qemu-img writes.
 */
export class Deflater {
  readonly #blocks = new BlockWriter(symbolsPerBlock);
  /** Last position of each hash of three bytes; for each position of the window, the one before it with the same hash. */
  readonly #heads: Int32Array;
  readonly #previous: Int32Array;
  readonly #hashShift: number;
  /** The four bytes from each position on, so that four are compared at once. */
  readonly #words: Int32Array;

  /** For inputs of up to `largestBytes`; matches reach back `windowBytes`, a power of two up to 32 KiB. */
  constructor(largestBytes: number, windowBytes: number) {
    this.#previous = new Int32Array(windowBytes);
    const hashBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(largestBytes))));
    this.#heads = new Int32Array(1 << hashBits);
    this.#hashShift = 32 - hashBits;
    this.#words = new Int32Array(largestBytes + 4);
  }

  /** Writes the input's compressed form and returns its length. The target needs room for the input and an eighth more. */
  deflate(input: Uint8Array, target: Uint8Array): number {
    const blocks = this.#blocks;
    const heads = this.#heads;
    const previous = this.#previous;
    const windowBytes = previous.length;
    const windowMask = windowBytes - 1;
    const hashShift = this.#hashShift;
    const words = this.#words;
    const { length } = input;
    const hashable = length - shortestMatch + 1;
    heads.fill(-windowBytes - 1);
    fillWords(words, input);
    blocks.start(target);
    let blockStart = 0;
    let position = 0;
    // A match is held back until the next position has been tried: a longer one there is worth a literal here.
    let heldLength = 0;
    let heldDistance = 0;
    let literalIsHeld = false;
    while (position < length) {
      let bestLength = Math.max(heldLength, shortestMatch - 1);
      let bestDistance = 0;
      if (position < hashable) {
        const word = words[position] as number;
        const hash = hashOf(word, hashShift);
        let candidate = heads[hash] as number;
        previous[position & windowMask] = candidate;
        heads[hash] = position;
        const lowest = Math.max(0, position - windowBytes);
        const longest = Math.min(longestMatch, length - position);
        if (candidate >= lowest && heldLength < lazyLength && bestLength < longest) {
          const enough = Math.min(niceLength, longest);
          // What a longer match must have at the end of the best one so far: most candidates have not.
          let endOffset = Math.max(0, bestLength - 3);
          let endWord = words[position + endOffset] as number;
          let endMask = bestLength < 3 ? 0xffffff : -1;
          let chain = heldLength >= goodLength ? chainLimit >> 2 : chainLimit;
          do {
            if ((((words[candidate + endOffset] as number) ^ endWord) & endMask) === 0) {
              let matched = 0;
              let difference = 0;
              do {
                difference = (words[candidate + matched] as number) ^ (words[position + matched] as number);
                if (difference !== 0) break;
                matched += 4;
              } while (matched < longest);
              if (difference !== 0) matched += (31 - Math.clz32(difference & -difference)) >> 3;
              if (matched > longest) matched = longest;
              if (matched > bestLength) {
                bestLength = matched;
                bestDistance = position - candidate;
                if (matched >= enough) break;
                endOffset = matched - 3;
                endWord = words[position + endOffset] as number;
                endMask = -1;
              }
            }
            const next = previous[candidate & windowMask] as number;
            // A place in the ring that was used again points forward.
            if (next >= candidate) break;
            candidate = next;
          } while (candidate >= lowest && --chain !== 0);
        }
      }
      if (heldLength >= shortestMatch && bestDistance === 0) {
        blocks.match(heldLength, heldDistance);
        const end = position - 1 + heldLength;
        const hashEnd = Math.min(end, hashable);
        for (position++; position < hashEnd; position++) {
          const hash = hashOf(words[position] as number, hashShift);
          previous[position & windowMask] = heads[hash] as number;
          heads[hash] = position;
        }
        position = end;
        heldLength = 0;
        literalIsHeld = false;
      } else {
        if (literalIsHeld) blocks.literal(input[position - 1] as number);
        literalIsHeld = true;
        heldLength = bestDistance === 0 ? 0 : bestLength;
        heldDistance = bestDistance;
        position++;
      }
      if (blocks.isFull) {
        const blockEnd = literalIsHeld ? position - 1 : position;
        blocks.flush(input.subarray(blockStart, blockEnd), false);
        blockStart = blockEnd;
      }
    }
    if (literalIsHeld) blocks.literal(input[length - 1] as number);
    blocks.flush(input.subarray(blockStart), true);
    return blocks.finish();
  }
}

/** Behind the end come zeros. */
function fillWords(words: Int32Array, input: Uint8Array): void {
  const { length } = input;
  let word = 0;
  for (let position = length + 3; position >= 0; position--) {
    word = (word << 8) | (position < length ? (input[position] as number) : 0);
    words[position] = word;
  }
}

/** Of the three bytes in the low places of a word, by Knuth's multiplicative method. */
function hashOf(word: number, shift: number): number {
  return Math.imul(word & 0xffffff, 0x9e3779b1) >>> shift;
}
