import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { ByteSource, Extent } from "../core/byte-source.ts";

const windowBytes = 512 * 1024;
/** Ranges that differ are told in whole sectors: nobody reads single bytes of a gap. */
const sectorBytes = 512;

/**
 * The first byte in which two sources differ; that of the shorter one's end if it is the beginning of the other; undefined if they are equal. Holes of both are
 * not read.
 */
export async function firstDifference(a: ByteSource, b: ByteSource, signal: AbortSignal): Promise<number | undefined> {
  for await (const { offsetBytes, bytesA, bytesB } of unequalWindows(a, b, signal)) {
    for (let at = 0; at < bytesA.length; at++) if (bytesA[at] !== bytesB[at]) return offsetBytes + at;
  }
  return a.sizeBytes === b.sizeBytes ? undefined : Math.min(a.sizeBytes, b.sizeBytes);
}

export interface Ranges {
  readonly ranges: readonly Extent[];
  /** Whether there are more than were asked for. */
  readonly isCut: boolean;
}

/** The ranges of sectors in which two sources differ, as far as both go, ascending, at most `limit`. */
export async function differentRanges(
  a: ByteSource,
  b: ByteSource,
  signal: AbortSignal,
  limit: number,
): Promise<Ranges> {
  const ranges: { offsetBytes: number; lengthBytes: number }[] = [];
  for await (const { offsetBytes, bytesA, bytesB } of unequalWindows(a, b, signal)) {
    for (let at = 0; at < bytesA.length; at += sectorBytes) {
      const end = Math.min(at + sectorBytes, bytesA.length);
      if (Buffer.compare(bytesA.subarray(at, end), bytesB.subarray(at, end)) === 0) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last.offsetBytes + last.lengthBytes === offsetBytes + at) last.lengthBytes += end - at;
      else if (ranges.length === limit) return { ranges, isCut: true };
      else ranges.push({ offsetBytes: offsetBytes + at, lengthBytes: end - at });
    }
  }
  return { ranges, isCut: false };
}

interface Windows {
  readonly offsetBytes: number;
  readonly bytesA: Uint8Array;
  readonly bytesB: Uint8Array;
}

/** Parts of both sources, as far as both go, that are not the same; valid until the next is asked for. */
async function* unequalWindows(a: ByteSource, b: ByteSource, signal: AbortSignal): AsyncGenerator<Windows> {
  const sizeBytes = Math.min(a.sizeBytes, b.sizeBytes);
  const [bufferA, bufferB] = [takeBuffer(), takeBuffer()];
  try {
    yield* unequalParts(a, b, sizeBytes, [bufferA, bufferB], signal);
  } finally {
    spareBuffers.push(bufferA, bufferB);
  }
}

/** Trees have many small files: buffers are used again. */
const spareBuffers: Buffer[] = [];

function takeBuffer(): Buffer {
  return spareBuffers.pop() ?? Buffer.allocUnsafeSlow(windowBytes);
}

async function* unequalParts(
  a: ByteSource,
  b: ByteSource,
  sizeBytes: number,
  [bufferA, bufferB]: readonly [Buffer, Buffer],
  signal: AbortSignal,
): AsyncGenerator<Windows> {
  for (const { offsetBytes, lengthBytes } of dataOfBoth(a.extents, b.extents, sizeBytes)) {
    for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += windowBytes) {
      signal.throwIfAborted();
      const length = Math.min(windowBytes, offsetBytes + lengthBytes - at);
      const [bytesA, bytesB] = [bufferA.subarray(0, length), bufferB.subarray(0, length)];
      a.read(bytesA, at);
      b.read(bytesB, at);
      if (Buffer.compare(bytesA, bytesB) !== 0) yield { offsetBytes: at, bytesA, bytesB };
      if (lengthBytes > windowBytes) await yieldToEvents();
    }
  }
}

/** Where at least one of the two holds data: ascending, neighbours joined. */
export function* dataOfBoth(a: readonly Extent[], b: readonly Extent[], sizeBytes: number): Generator<Extent> {
  let [indexA, indexB] = [0, 0];
  let current: { from: number; to: number } | undefined;
  for (;;) {
    const [nextA, nextB] = [a[indexA], b[indexB]];
    const next = nextA !== undefined && (nextB === undefined || nextA.offsetBytes <= nextB.offsetBytes) ? nextA : nextB;
    if (next === undefined || next.offsetBytes >= sizeBytes) break;
    if (next === nextA) indexA++;
    else indexB++;
    const to = Math.min(next.offsetBytes + next.lengthBytes, sizeBytes);
    if (current !== undefined && next.offsetBytes <= current.to) current.to = Math.max(current.to, to);
    else {
      if (current !== undefined) yield { offsetBytes: current.from, lengthBytes: current.to - current.from };
      current = { from: next.offsetBytes, to };
    }
  }
  if (current !== undefined) yield { offsetBytes: current.from, lengthBytes: current.to - current.from };
}
