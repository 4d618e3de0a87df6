import { fstatSync, readSync } from "node:fs";

/** A run of bytes that holds data. */
export interface Extent {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * Bytes that can be read at any offset, with their holes known: a file's content, a planned file system, a whole disk,
 * an existing image. Everything that is planned is a ByteSource; only emitting reads it. What lies outside `extents` is zero and is
 * never read or written.
 */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Ascending, not overlapping, not empty, inside the size. */
  readonly extents: readonly Extent[];
  /** Fills all of `target` with the bytes from `offsetBytes` on; holes read as zero. The range lies inside the size. */
  read(target: Uint8Array, offsetBytes: number): void;
}

export const emptySource: ByteSource = {
  sizeBytes: 0,
  extents: [],
  read() {},
};

export function bytesSource(bytes: Uint8Array): ByteSource {
  if (bytes.length === 0) return emptySource;
  return {
    sizeBytes: bytes.length,
    extents: [{ offsetBytes: 0, lengthBytes: bytes.length }],
    read: (target, offsetBytes) => target.set(bytes.subarray(offsetBytes, offsetBytes + target.length)),
  };
}

export function textSource(text: string): ByteSource {
  return bytesSource(new TextEncoder().encode(text));
}

export function zeroSource(sizeBytes: number): ByteSource {
  return { sizeBytes, extents: [], read: (target) => void target.fill(0) };
}

/**
 * An open file, or `lengthBytes` of it from `startBytes` on. The caller keeps the descriptor open as long as the source is used. Without
 * `extents` the whole range counts as data.
 */
export function fileSource(
  fd: number,
  startBytes = 0,
  lengthBytes = fstatSync(fd).size - startBytes,
  extents?: readonly Extent[],
): ByteSource {
  return {
    sizeBytes: lengthBytes,
    extents: extents ?? (lengthBytes === 0 ? [] : [{ offsetBytes: 0, lengthBytes }]),
    read(target, offsetBytes) {
      let done = 0;
      while (done < target.length) {
        const got = readSync(fd, target, done, target.length - done, startBytes + offsetBytes + done);
        if (got === 0) throw new Error("the file became shorter while it was read");
        done += got;
      }
    },
  };
}

export interface Piece {
  readonly offsetBytes: number;
  readonly source: ByteSource;
}

/**
 * Puts sources at their offsets in one larger source; the rest is a hole. Pieces may come in any order but must not overlap or reach
 * past the end: that would be a defect of the planner, so it throws.
 */
export function composeSource(sizeBytes: number, pieces: Iterable<Piece>): ByteSource {
  const sorted = [...pieces]
    .filter((piece) => piece.source.sizeBytes > 0)
    .sort((a, b) => a.offsetBytes - b.offsetBytes);
  let endBytes = 0;
  const extents: Extent[] = [];
  for (const { offsetBytes, source } of sorted) {
    if (offsetBytes < endBytes) throw new RangeError(`pieces overlap at byte ${offsetBytes}`);
    endBytes = offsetBytes + source.sizeBytes;
    for (const extent of source.extents) pushExtent(extents, offsetBytes + extent.offsetBytes, extent.lengthBytes);
  }
  if (endBytes > sizeBytes) throw new RangeError(`pieces end at byte ${endBytes}, past the size ${sizeBytes}`);
  return {
    sizeBytes,
    extents,
    read: (target, offsetBytes) => readPieces(sorted, target, offsetBytes),
  };
}

/** A source with other bytes over some of its own. The pieces must not overlap each other or reach past its end. */
export function overlaySource(base: ByteSource, pieces: Iterable<Piece>): ByteSource {
  const over = [...pieces].sort((a, b) => a.offsetBytes - b.offsetBytes);
  const all = [...over];
  let atBytes = 0;
  const keep = (endBytes: number) => {
    if (endBytes > atBytes) all.push({ offsetBytes: atBytes, source: sliceSource(base, atBytes, endBytes - atBytes) });
  };
  for (const { offsetBytes, source } of over) {
    keep(offsetBytes);
    atBytes = offsetBytes + source.sizeBytes;
  }
  keep(base.sizeBytes);
  return composeSource(base.sizeBytes, all);
}

/** A window of another source. */
export function sliceSource(source: ByteSource, startBytes: number, lengthBytes: number): ByteSource {
  const extents: Extent[] = [];
  const endBytes = startBytes + lengthBytes;
  for (let index = firstExtentAfter(source.extents, startBytes); index < source.extents.length; index++) {
    const extent = source.extents[index] as Extent;
    if (extent.offsetBytes >= endBytes) break;
    const from = Math.max(extent.offsetBytes, startBytes);
    const to = Math.min(extent.offsetBytes + extent.lengthBytes, endBytes);
    if (from < to) extents.push({ offsetBytes: from - startBytes, lengthBytes: to - from });
  }
  return {
    sizeBytes: lengthBytes,
    extents,
    read: (target, offsetBytes) => source.read(target, startBytes + offsetBytes),
  };
}

/** Reads a whole source into memory; for things known to be small. */
export function readAll(source: ByteSource): Uint8Array {
  const bytes = new Uint8Array(source.sizeBytes);
  source.read(bytes, 0);
  return bytes;
}

/** The first extent that ends behind an offset: images with many files are cut into many windows, so this must not look at all of them. */
function firstExtentAfter(extents: readonly Extent[], offsetBytes: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const extent = extents[middle] as Extent;
    if (extent.offsetBytes + extent.lengthBytes <= offsetBytes) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pushExtent(extents: Extent[], offsetBytes: number, lengthBytes: number): void {
  const last = extents.at(-1);
  if (last !== undefined && last.offsetBytes + last.lengthBytes === offsetBytes)
    extents[extents.length - 1] = {
      offsetBytes: last.offsetBytes,
      lengthBytes: last.lengthBytes + lengthBytes,
    };
  else extents.push({ offsetBytes, lengthBytes });
}

function readPieces(sorted: readonly Piece[], target: Uint8Array, offsetBytes: number): void {
  let index = firstEndingAfter(sorted, offsetBytes);
  let at = 0;
  while (at < target.length) {
    const piece = sorted[index++];
    const gapEnd = piece === undefined ? target.length : Math.min(target.length, piece.offsetBytes - offsetBytes);
    if (gapEnd > at) {
      target.fill(0, at, gapEnd);
      at = gapEnd;
    }
    if (piece === undefined || at === target.length) continue;
    const inside = offsetBytes + at - piece.offsetBytes;
    const length = Math.min(target.length - at, piece.source.sizeBytes - inside);
    piece.source.read(target.subarray(at, at + length), inside);
    at += length;
  }
}

function firstEndingAfter(sorted: readonly Piece[], offsetBytes: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const piece = sorted[middle] as Piece;
    if (piece.offsetBytes + piece.source.sizeBytes <= offsetBytes) low = middle + 1;
    else high = middle;
  }
  return low;
}
