import { BlockWriter } from "./deflate-block.ts";
import { instantiateSearch, searchMemory } from "./deflate-search.ts";
import type { Assembled } from "./wat.ts";

/**
 * A raw deflate encoder (RFC 1951) for one cluster after the other. Our own, because the bytes of an image must not depend on which Node, and so which zlib, compressed it; and because Node's
 * zlib looks for matches of four bytes and more only, which costs it two percent against what qemu-img writes.
 *
 * It does what zlib's level 6 does, with differences that make it both smaller and faster. Candidates are chained by four bytes, so that there are few of
 * them, and for a match of three only the nearest is tried. How many are tried depends on what that brought so far. Blocks are shorter, each with codes of its own. All tables are small
 * enough to stay in the processor's nearest cache. The search itself is in deflate-search.ts.
 */
export class Deflater {
  readonly #blocks = new BlockWriter();
  readonly #windowBytes: number;
  /** How many candidates are tried at least and at most: more where there are more. */
  readonly #shallowest: number;
  readonly #deepest: number;
  readonly #search: Assembled["run"];
  readonly #memory: Uint8Array;
  readonly #symbols: Uint32Array;

  /** For inputs of up to `largestBytes`; matches reach back `windowBytes`, a power of two up to 32 KiB. */
  constructor(largestBytes: number, windowBytes: number) {
    this.#windowBytes = windowBytes;
    this.#shallowest = Math.max(16, windowBytes >> 8);
    this.#deepest = Math.max(128, windowBytes >> 7);
    // Behind the input zeros, up to a number of four bytes; then at most a symbol for each byte.
    const symbolsAt = (searchMemory.input + largestBytes + 19) & ~3;
    const { memory, run } = instantiateSearch(symbolsAt + largestBytes * 4);
    this.#search = run;
    this.#memory = new Uint8Array(memory);
    this.#symbols = new Uint32Array(memory, symbolsAt, largestBytes);
  }

  /** Writes the input's compressed form and returns its length. The target needs room for the input and an eighth more. */
  deflate(source: Uint8Array, target: Uint8Array): number {
    const memory = this.#memory;
    memory.fill(0, searchMemory.heads4, searchMemory.previous);
    memory.set(source, searchMemory.input);
    memory.fill(0, searchMemory.input + source.length, searchMemory.input + source.length + 16);
    const count = this.#search(
      source.length,
      this.#windowBytes,
      this.#shallowest,
      this.#deepest,
      this.#symbols.byteOffset,
    );
    return this.#blocks.write(this.#symbols.subarray(0, count), source, target);
  }
}
