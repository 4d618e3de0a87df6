import { distanceBase, distanceCodeOf, distanceExtraBits, lengthCodeOf } from "./deflate-codes.ts";
import { countFunction, emitFunction } from "./deflate-emit.ts";
import { places } from "./deflate-places.ts";
import { searchFunction } from "./deflate-search.ts";
import { assemble } from "./wat.ts";

/** Assembled by whoever compresses first: most who load this do not. */
let assembled: ReturnType<typeof assemble> | undefined;

/** How hard to look for matches. */
export interface SearchEffort {
  readonly windowBytes: number;
  /** How many candidates are tried at least and at most. */
  readonly shallowest: number;
  readonly deepest: number;
}

/** Bits that make no byte yet, and how many bytes came before them. */
interface BitState {
  readonly used: number;
  readonly bits: number;
  readonly bitCount: number;
}

/** The loops of the encoder, and what they work on. A symbol is a literal, its byte; or a match: the distance from bit 9 on, bit 8, and its length less 3. */
export interface DeflateMemory {
  readonly literalCounts: Uint32Array;
  readonly distanceCounts: Uint32Array;
  readonly written: Uint32Array;
  readonly writtenDistances: Uint32Array;
  readonly output: Uint8Array;
  /** Finds the matches of an input; returns how many symbols there are. */
  search(source: Uint8Array, effort: SearchEffort): number;
  /** Counts the codes of so many symbols; returns how many bytes they stand for. */
  count(from: number, symbols: number): number;
  /** Writes the codes of so many symbols to the output, behind what is there. */
  emit(from: number, symbols: number, state: BitState): BitState;
}

/** For inputs of up to `largestBytes`. */
export function createDeflateMemory(largestBytes: number): DeflateMemory {
  // Behind the input zeros; then at most a symbol for each byte; then the output, and room for what is written ahead of its end.
  const symbolsAt = (places.input + largestBytes + 19) & ~3;
  const outputAt = symbolsAt + largestBytes * 4;
  const outputBytes = largestBytes + (largestBytes >> 3) + 512;
  assembled ??= assemble(`(module ${searchFunction} ${countFunction} ${emitFunction})`);
  const { memory, functions } = assembled(outputAt + outputBytes);
  const { search, count, emit } = functions as Record<"search" | "count" | "emit", (...numbers: number[]) => number>;
  const bytes = new Uint8Array(memory);
  const output = bytes.subarray(outputAt, outputAt + outputBytes);
  const literalCounts = new Uint32Array(memory, places.literalCounts, 286);
  const distanceCounts = new Uint32Array(memory, places.distanceCounts, 30);
  bytes.set(distanceCodeOf, places.distanceCodeOf);
  bytes.set(lengthCodeOf, places.lengthCodeOf);
  bytes.set(distanceExtraBits, places.distanceExtraBits);
  new Uint16Array(memory, places.distanceBase, distanceBase.length).set(distanceBase);
  const addressOf = (symbol: number) => symbolsAt + symbol * 4;
  return {
    literalCounts,
    distanceCounts,
    written: new Uint32Array(memory, places.written, 512),
    writtenDistances: new Uint32Array(memory, places.writtenDistances, 30),
    output,
    search(source, { windowBytes, shallowest, deepest }) {
      bytes.fill(0, places.heads4, places.previous);
      bytes.set(source, places.input);
      bytes.fill(0, places.input + source.length, places.input + source.length + 16);
      return search(source.length, windowBytes, shallowest, deepest, symbolsAt);
    },
    count(from, symbols) {
      literalCounts.fill(0);
      distanceCounts.fill(0);
      return count(addressOf(from), addressOf(from + symbols));
    },
    emit(from, symbols, { used, bits, bitCount }) {
      const all = emit(addressOf(from), addressOf(from + symbols), outputAt + used, bits, bitCount);
      const end = used + (all >>> 3);
      return { used: end, bits: (output[end] as number) & (2 ** (all & 7) - 1), bitCount: all & 7 };
    },
  };
}
