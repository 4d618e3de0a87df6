import { BlockWriter } from "./deflate-block.ts";
import { createDeflateMemory, type DeflateMemory, type SearchEffort } from "./deflate-memory.ts";

/**
 * A raw deflate encoder (RFC 1951) for one cluster after the other. Our own, because the bytes of an image must not depend on which Node, and so which zlib, compressed it; and because Node's
 * zlib looks for matches of four bytes and more only, which costs it two percent against what qemu-img writes.
 *
 * It does what zlib's level 6 does, with differences that make it both smaller and faster. Candidates are chained by four bytes, so that there are few of
 * them, and for a match of three only the nearest is tried. How many are tried depends on what that brought so far. Blocks are shorter, each with codes of its own. All tables are small
 * enough to stay in the processor's nearest cache. The loops are in deflate-search.ts and deflate-emit.ts.
 */
export class Deflater {
  readonly #effort: SearchEffort;
  readonly #memory: DeflateMemory;
  readonly #blocks: BlockWriter;

  /** For inputs of up to `largestBytes`; matches reach back `windowBytes`, a power of two up to 32 KiB. */
  constructor(largestBytes: number, windowBytes: number) {
    // More candidates where there are more.
    this.#effort = {
      windowBytes,
      shallowest: Math.max(16, windowBytes >> 8),
      deepest: Math.max(128, windowBytes >> 7),
    };
    this.#memory = createDeflateMemory(largestBytes);
    this.#blocks = new BlockWriter(this.#memory);
  }

  /** Writes the input's compressed form and returns its length. The target needs room for the input and an eighth more. */
  deflate(source: Uint8Array, target: Uint8Array): number {
    const symbols = this.#memory.search(source, this.#effort);
    const length = this.#blocks.write(symbols, source);
    target.set(this.#memory.output.subarray(0, length));
    return length;
  }
}
