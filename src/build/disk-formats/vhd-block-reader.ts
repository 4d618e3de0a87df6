import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { blockSource, bytesAt, isPowerOfTwo, readInside, readUnderneath } from "./block-source.ts";
import type { ImageFile } from "./image-reader.ts";
import {
  bitmapBytesOf,
  checksumOf,
  dynamicHeaderCookie,
  dynamicHeaderStruct,
  noBlock,
  sectorBytes,
} from "./vhd-format.ts";

export type DynamicHeader = ReturnType<typeof dynamicHeaderStruct.decode>;

const largestBlockBytes = 1024 ** 3;

/** The header of a disk that is stored in blocks. Errors: `image/damaged`. */
export function readDynamicHeader(file: ImageFile, offsetBytes: number): DynamicHeader {
  const { path } = file;
  const bytes = bytesAt(file, offsetBytes, dynamicHeaderStruct.size, "dynamic disk header");
  const header = dynamicHeaderStruct.decode(bytes);
  const { blockSize, cookie, checksum } = header;
  if (cookie !== dynamicHeaderCookie || checksum !== checksumOf(bytes, dynamicHeaderStruct.fields.checksum.offset))
    fail("image/damaged", `cannot use ${path}: its dynamic disk header is broken`);
  if (!isPowerOfTwo(blockSize) || blockSize < sectorBytes || blockSize > largestBlockBytes)
    fail("image/damaged", `cannot use ${path}: blocks of ${blockSize} bytes cannot be`);
  return header;
}

export interface BlocksRequest {
  readonly file: ImageFile;
  readonly header: DynamicHeader;
  readonly sizeBytes: number;
  readonly parent: ByteSource | undefined;
}

/** The disk in its blocks, and how many are stored. */
export function openBlocks({ file, header, sizeBytes, parent }: BlocksRequest): { disk: ByteSource; count: number } {
  const { blockSize: blockBytes, maxTableEntries } = header;
  const blocks = Math.ceil(sizeBytes / blockBytes);
  if (blocks > maxTableEntries)
    fail("image/damaged", `cannot use ${file.path}: its disk is larger than its blocks together`);
  const table = bytesAt(file, Number(header.tableOffset), blocks * 4, "block table");
  const bitmapBytes = bitmapBytesOf(blockBytes);
  let count = 0;
  function* stored() {
    for (let block = 0; block < blocks; block++)
      if (table.readUInt32BE(block * 4) !== noBlock) {
        count++;
        yield block;
      }
  }
  // A block is mostly read in several pieces, one after the other.
  let known: { readonly block: number; readonly bitmap: Uint8Array | undefined } | undefined;
  /** Undefined if all sectors of the block are there. */
  function bitmapOf(block: number, offsetBytes: number): Uint8Array | undefined {
    if (known?.block !== block) {
      const bitmap = bytesAt(file, offsetBytes, bitmapBytes, `bitmap of block ${block}`);
      known = { block, bitmap: bitmap.every((byte) => byte === 0xff) ? undefined : bitmap };
    }
    return known.bitmap;
  }
  const disk = blockSource(
    {
      sizeBytes,
      blockBytes,
      stored: stored(),
      leastStoredBytes: bitmapBytes + blockBytes,
      underneath: parent,
      readBlock(target, block, insideBytes) {
        const entry = table.readUInt32BE(block * 4);
        const under = (part: Uint8Array, at: number) => readUnderneath(parent, part, block * blockBytes + at);
        if (entry === noBlock) return under(target, insideBytes);
        const offsetBytes = entry * sectorBytes;
        const bitmap = bitmapOf(block, offsetBytes);
        const own = (part: Uint8Array, at: number) =>
          readInside(file, part, offsetBytes + bitmapBytes + at, `block ${block}`);
        if (bitmap === undefined) return own(target, insideBytes);
        eachRun(bitmap, insideBytes, target.length, (isOwn, from, to) =>
          (isOwn ? own : under)(target.subarray(from - insideBytes, to - insideBytes), from),
        );
      },
    },
    file,
  );
  return { disk, count };
}

/** Runs of sectors that are in the block, or are not: the highest bit stands for the first sector. */
function eachRun(
  bitmap: Uint8Array,
  startBytes: number,
  lengthBytes: number,
  use: (isOwn: boolean, fromBytes: number, toBytes: number) => void,
): void {
  const isSet = (offsetBytes: number) => {
    const sector = Math.floor(offsetBytes / sectorBytes);
    return (((bitmap[sector >> 3] as number) >> (7 - (sector & 7))) & 1) === 1;
  };
  const endBytes = startBytes + lengthBytes;
  for (let from = startBytes; from < endBytes; ) {
    const isOwn = isSet(from);
    let to = from - (from % sectorBytes) + sectorBytes;
    while (to < endBytes && isSet(to) === isOwn) to += sectorBytes;
    to = Math.min(to, endBytes);
    use(isOwn, from, to);
    from = to;
  }
}
