/**
 * The range coder under LZMA (Igor Pavlov, "LZMA specification", 7-zip.org/sdk.html): every bit is coded with an adaptive 11-bit
 * probability that it is 0.
 */
const probabilityBits = 11;
export const evenProbability = 1 << (probabilityBits - 1);
const moveBits = 5;
const topValue = 2 ** 24;

export class RangeEncoder {
  #low = 0;
  #range = 0xffffffff;
  #cache = 0;
  #cacheSize = 1;
  #out: Uint8Array;
  #length = 0;

  constructor(expectedBytes: number) {
    this.#out = new Uint8Array(Math.max(64, expectedBytes));
  }

  bit(probabilities: Uint16Array, index: number, bit: number): void {
    const probability = probabilities[index] as number;
    const bound = (this.#range >>> probabilityBits) * probability;
    if (bit === 0) {
      this.#range = bound;
      probabilities[index] = probability + (((1 << probabilityBits) - probability) >>> moveBits);
    } else {
      this.#low += bound;
      this.#range -= bound;
      probabilities[index] = probability - (probability >>> moveBits);
    }
    while (this.#range < topValue) {
      this.#range = (this.#range << 8) >>> 0;
      this.#shiftLow();
    }
  }

  /** Bits without a model, the highest first. */
  direct(value: number, count: number): void {
    for (let shift = count - 1; shift >= 0; shift--) {
      this.#range = this.#range >>> 1;
      if (((value >>> shift) & 1) === 1) this.#low += this.#range;
      while (this.#range < topValue) {
        this.#range = (this.#range << 8) >>> 0;
        this.#shiftLow();
      }
    }
  }

  /** A number of `count` bits through a binary tree of models, the highest bit first. */
  tree(probabilities: Uint16Array, base: number, count: number, value: number): void {
    let node = 1;
    for (let shift = count - 1; shift >= 0; shift--) {
      const bit = (value >>> shift) & 1;
      this.bit(probabilities, base + node, bit);
      node = (node << 1) | bit;
    }
  }

  /** The same, the lowest bit first. */
  reverseTree(probabilities: Uint16Array, base: number, count: number, value: number): void {
    let node = 1;
    for (let shift = 0; shift < count; shift++) {
      const bit = (value >>> shift) & 1;
      this.bit(probabilities, base + node, bit);
      node = (node << 1) | bit;
    }
  }

  /** All that was coded since it was made, or finished last. */
  finish(): Uint8Array {
    for (let index = 0; index < 5; index++) this.#shiftLow();
    const coded = this.#out.slice(0, this.#length);
    this.#low = 0;
    this.#range = 0xffffffff;
    this.#cache = 0;
    this.#cacheSize = 1;
    this.#length = 0;
    return coded;
  }

  /** Moves the top byte out once no carry can reach it any more. */
  #shiftLow(): void {
    if (this.#low < 0xff000000 || this.#low >= 2 ** 32) {
      const carry = this.#low >= 2 ** 32 ? 1 : 0;
      let byte = this.#cache;
      do {
        this.#put((byte + carry) & 0xff);
        byte = 0xff;
      } while (--this.#cacheSize > 0);
      this.#cache = Math.floor(this.#low / topValue) & 0xff;
    }
    this.#cacheSize++;
    this.#low = (this.#low % topValue) * 256;
  }

  #put(byte: number): void {
    if (this.#length === this.#out.length) {
      const larger = new Uint8Array(this.#out.length * 2);
      larger.set(this.#out);
      this.#out = larger;
    }
    this.#out[this.#length++] = byte;
  }
}
