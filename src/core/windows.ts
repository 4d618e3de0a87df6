import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { ByteSource, Extent } from "./byte-source.ts";

/** The next part of a source that is read in order. */
export type Window =
  /** Some of it holds data. `bytes` is valid until the promise that `use` returned settles. */
  | { readonly type: "data"; readonly offsetBytes: number; readonly bytes: Uint8Array }
  /** Nothing but zeros, however long. */
  | { readonly type: "hole"; readonly offsetBytes: number; readonly lengthBytes: number };

export interface WindowOptions {
  /** Windows start at multiples of this; each is this long, but the last one may be shorter and holes may be longer. */
  readonly windowBytes: number;
  readonly signal: AbortSignal;
  /** The bytes are in memory that other threads can share. */
  readonly isShared?: boolean;
  /** Bytes of data that were used up, out of all. */
  readonly progress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /**
   * Is given each window in order. It may return before it is done with the bytes, with a promise: the next windows come meanwhile, in other
   * buffers, until all buffers are in use.
   */
  readonly use: (window: Window) => Promise<void> | void;
}

const buffersInUse = 6;
/** Holes come in parts of this size, so that hashing a long one does not keep the process deaf. */
const longestHoleBytes = 64 * 1024 * 1024;

/** Reads a source once from start to end, window by window, in bounded memory; lets other events in between them. */
export async function readWindows(source: ByteSource, options: WindowOptions): Promise<void> {
  const { windowBytes, signal, progress, use, isShared = false } = options;
  const totalBytes = source.extents.reduce((sum, extent) => sum + extent.lengthBytes, 0);
  const buffers = Array.from({ length: buffersInUse }, (): Uint8Array | undefined => undefined);
  const busy: Promise<void>[] = buffers.map(() => Promise.resolve());
  let turn = 0;
  let doneBytes = 0;
  let failure: { error: unknown } | undefined;
  const note = (error: unknown) => {
    failure ??= { error };
  };
  try {
    for (const { offsetBytes, lengthBytes, dataBytes, span } of windowsOf(source, windowBytes)) {
      await yieldToEvents();
      signal.throwIfAborted();
      if (failure !== undefined) break;
      if (span === undefined) {
        await use({ type: "hole", offsetBytes, lengthBytes });
        continue;
      }
      const slot = turn++ % buffersInUse;
      await busy[slot];
      buffers[slot] ??= allocate(Math.min(windowBytes, source.sizeBytes), isShared);
      const bytes = buffers[slot].subarray(0, lengthBytes);
      fill(bytes, source, offsetBytes, span);
      const used = use({ type: "data", offsetBytes, bytes });
      busy[slot] = Promise.resolve(used).then(() => {
        doneBytes += dataBytes;
        progress?.(doneBytes, totalBytes);
      }, note);
    }
  } catch (error) {
    note(error);
  }
  await Promise.all(busy);
  if (failure !== undefined) throw failure.error;
}

function allocate(lengthBytes: number, isShared: boolean): Uint8Array {
  return isShared ? new Uint8Array(new SharedArrayBuffer(lengthBytes)) : new Uint8Array(lengthBytes);
}

interface PlannedWindow {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly dataBytes: number;
  /** From the first byte of data to the last, if there is data. */
  readonly span: Extent | undefined;
}

function* windowsOf(source: ByteSource, windowBytes: number): Generator<PlannedWindow> {
  const { extents, sizeBytes } = source;
  let index = 0;
  let offsetBytes = 0;
  while (offsetBytes < sizeBytes) {
    while (index < extents.length && endOf(extents[index] as Extent) <= offsetBytes) index++;
    const nextData = Math.max(offsetBytes, extents[index]?.offsetBytes ?? sizeBytes);
    const holeEnd = nextData >= sizeBytes ? sizeBytes : nextData - (nextData % windowBytes);
    while (offsetBytes < holeEnd) {
      const lengthBytes = Math.min(longestHoleBytes, holeEnd - offsetBytes);
      yield { offsetBytes, lengthBytes, dataBytes: 0, span: undefined };
      offsetBytes += lengthBytes;
    }
    if (offsetBytes === sizeBytes) return;
    const end = Math.min(offsetBytes + windowBytes, sizeBytes);
    let dataBytes = 0;
    let dataEnd = nextData;
    for (let i = index; i < extents.length && (extents[i] as Extent).offsetBytes < end; i++) {
      const from = Math.max((extents[i] as Extent).offsetBytes, offsetBytes);
      dataEnd = Math.min(endOf(extents[i] as Extent), end);
      dataBytes += dataEnd - from;
    }
    const span = { offsetBytes: nextData, lengthBytes: dataEnd - nextData };
    yield { offsetBytes, lengthBytes: end - offsetBytes, dataBytes, span };
    offsetBytes = end;
  }
}

function fill(bytes: Uint8Array, source: ByteSource, offsetBytes: number, span: Extent): void {
  const from = span.offsetBytes - offsetBytes;
  const to = from + span.lengthBytes;
  bytes.fill(0, 0, from);
  bytes.fill(0, to);
  source.read(bytes.subarray(from, to), span.offsetBytes);
}

function endOf({ offsetBytes, lengthBytes }: Extent): number {
  return offsetBytes + lengthBytes;
}
