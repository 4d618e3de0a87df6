export const minMatch = 2;
const maxMatch = 273;
/** Longer matches are taken at once: looking for better ones costs more than it gives. */
export const niceMatch = 64;
const chainDepth = 48;
const hashBits = 15;

/** What coding a match saves, roughly, in bits: six for each byte that it covers, less what naming the distance costs. */
const bitsPerByte = 6;
const repDistanceBits = 4;
const distanceBits = 7;
/** So much must a longer match save more than a shorter one to be preferred. */
const worthwhileBits = 4;

/**
 * Finds earlier occurrences in what came before, by chains of positions that share a hash of three bytes. It is where the time of an encoding goes:
 * its results are fields and it makes no objects.
 */
export class MatchFinder {
  /** The match that is worth most at the position last asked about; length 0 for none. */
  length = 0;
  /** From 0: the byte just before. */
  distance = 0;
  #savedBits = 0;

  readonly #input: Uint8Array;
  readonly #dictionaryBytes: number;
  readonly #heads = new Int32Array(1 << hashBits).fill(-1);
  readonly #previous: Int32Array;

  /** Looks back `dictionaryBytes` at most. */
  constructor(input: Uint8Array, dictionaryBytes: number) {
    this.#input = input;
    this.#dictionaryBytes = dictionaryBytes;
    this.#previous = new Int32Array(input.length);
  }

  /** Looks for a match at a position that ends before `end`, where the distances last used are cheap, and enters the position. Positions come in order. */
  find(at: number, end: number, recentDistances: Int32Array): void {
    const input = this.#input;
    const dictionaryBytes = this.#dictionaryBytes;
    const limit = Math.min(maxMatch, end - at);
    let bestLength = 0;
    let bestDistance = 0;
    let bestSavedBits = -distanceBits;
    for (let index = 0; index < 4; index++) {
      const distance = recentDistances[index] as number;
      if (distance >= at) continue;
      const length = common(input, at - distance - 1, at, limit);
      if (length < minMatch || length <= bestLength) continue;
      bestLength = length;
      bestDistance = distance;
      bestSavedBits = length * bitsPerByte - repDistanceBits;
    }
    if (limit >= 3 && bestLength < niceMatch) {
      const previous = this.#previous;
      let candidate = this.#heads[hashAt(input, at)] as number;
      let longest = 2;
      for (let depth = chainDepth; candidate >= 0 && depth > 0; depth--) {
        const distance = at - candidate - 1;
        if (distance >= dictionaryBytes) break;
        // Only a candidate that agrees where the longest one ended can be longer.
        if (input[candidate + longest] === input[at + longest]) {
          const length = common(input, candidate, at, limit);
          if (length > longest) {
            longest = length;
            const savedBits = length * bitsPerByte - distanceBits - (31 - Math.clz32(distance + 1));
            const worth = bestLength === 0 || savedBits > bestSavedBits + worthwhileBits;
            // Three bytes from far away cost more than three literals.
            if (worth && (length > 3 || distance < 2048)) {
              bestLength = length;
              bestDistance = distance;
              bestSavedBits = savedBits;
            }
            if (length >= niceMatch) break;
          }
        }
        candidate = previous[candidate] as number;
      }
    }
    this.#enter(at);
    this.length = bestLength;
    this.distance = bestDistance;
    this.#savedBits = bestSavedBits;
  }

  /** Whether the match one byte later, now in the fields, is worth a literal in place of the one whose `savedBits` are given. */
  isBetterThan(savedBits: number): boolean {
    return this.#savedBits > savedBits + worthwhileBits;
  }

  get savedBits(): number {
    return this.#savedBits;
  }

  /** Enters the positions that a match covers. */
  skip(from: number, to: number): void {
    for (let at = from; at < to; at++) this.#enter(at);
  }

  #enter(at: number): void {
    const input = this.#input;
    if (at + 2 >= input.length) return;
    const hash = hashAt(input, at);
    this.#previous[at] = this.#heads[hash] as number;
    this.#heads[hash] = at;
  }
}

function hashAt(input: Uint8Array, at: number): number {
  const bytes = (input[at] as number) | ((input[at + 1] as number) << 8) | ((input[at + 2] as number) << 16);
  return Math.imul(bytes, 0x9e3779b1) >>> (32 - hashBits);
}

/** How many bytes agree, at most `limit`. */
function common(input: Uint8Array, from: number, at: number, limit: number): number {
  let length = 0;
  while (length < limit && input[from + length] === input[at + length]) length++;
  return length;
}
