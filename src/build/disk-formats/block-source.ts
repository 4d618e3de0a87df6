import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { ExtentList, inheritExtents } from "./extent-list.ts";
import type { ImageFile } from "./image-reader.ts";

/** A disk in blocks of one size, each of which is stored somewhere in the file or not at all. */
export interface BlockMap {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  /** The numbers of the blocks that are stored, ascending. */
  readonly stored: Iterable<number>;
  /** What a block takes of the file at least. */
  readonly leastStoredBytes: number;
  /** Fills the target from `insideBytes` of a block on, also of one that is not stored; never past the block's end. */
  readBlock(target: Uint8Array, block: number, insideBytes: number): void;
  /** The disk that shows through where no block is stored. */
  readonly underneath?: ByteSource | undefined;
}

/** Errors: `image/damaged` if more blocks are stored than the file has room for: some would be the same. */
export function blockSource(map: BlockMap, file: ImageFile): ByteSource {
  const { sizeBytes, blockBytes } = map;
  return {
    sizeBytes,
    extents: extentsOf(map, file),
    read(target, offsetBytes) {
      for (let at = 0; at < target.length; ) {
        const block = Math.floor((offsetBytes + at) / blockBytes);
        const inside = offsetBytes + at - block * blockBytes;
        const length = Math.min(target.length - at, blockBytes - inside);
        map.readBlock(target.subarray(at, at + length), block, inside);
        at += length;
      }
    },
  };
}

function extentsOf({ sizeBytes, blockBytes, stored, leastStoredBytes, underneath }: BlockMap, file: ImageFile) {
  const list = new ExtentList();
  const inherit = inheritExtents(list, underneath?.extents ?? []);
  let storedBytes = 0;
  let at = 0;
  for (const block of stored) {
    const start = block * blockBytes;
    const end = Math.min(start + blockBytes, sizeBytes);
    if (start > at) inherit(at, start);
    list.add(start, end - start);
    at = end;
    storedBytes += leastStoredBytes;
  }
  // The last block may be cut off.
  if (storedBytes > file.source.sizeBytes + leastStoredBytes)
    fail("image/damaged", `cannot use ${file.path}: parts of its disk that differ are in the same place of the file`);
  inherit(at, sizeBytes);
  return list.extents;
}

/** Of a disk that others build on, which may be smaller: behind its end there are zeros. */
export function readUnderneath(disk: ByteSource | undefined, target: Uint8Array, offsetBytes: number): void {
  const there = disk === undefined ? 0 : Math.max(0, Math.min(target.length, disk.sizeBytes - offsetBytes));
  if (there > 0) disk?.read(target.subarray(0, there), offsetBytes);
  target.fill(0, there);
}

/** Fills the target from a place that the image's own tables name. Errors: `image/damaged` if that is not in the file. */
export function readInside(file: ImageFile, target: Uint8Array, offsetBytes: number, what: string): void {
  requireInside(file, offsetBytes, target.length, what);
  file.source.read(target, offsetBytes);
}

/** The same into new memory, which the file's size bounds. */
export function bytesAt(file: ImageFile, offsetBytes: number, lengthBytes: number, what: string): Buffer<ArrayBuffer> {
  requireInside(file, offsetBytes, lengthBytes, what);
  const bytes = Buffer.alloc(lengthBytes);
  file.source.read(bytes, offsetBytes);
  return bytes;
}

/** Errors: `image/damaged` if the range is not inside the file. */
export function requireInside(file: ImageFile, offsetBytes: number, lengthBytes: number, what: string): void {
  if (offsetBytes < 0 || offsetBytes + lengthBytes > file.source.sizeBytes)
    fail("image/damaged", `cannot use ${file.path}: its ${what} is not in the file (byte ${offsetBytes})`, {
      hint: "was it copied completely?",
    });
}

export function isPowerOfTwo(value: number): boolean {
  return value > 0 && Number.isInteger(Math.log2(value));
}

/** `2 MiB` */
export function blockSizeText(bytes: number): string {
  if (bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
}
