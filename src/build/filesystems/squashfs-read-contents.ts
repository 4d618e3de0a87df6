import type { ByteSource, Extent } from "../../core/byte-source.ts";
import { damaged, decode } from "./squashfs-damage.ts";
import type { Decompress } from "./squashfs-decompress.ts";
import { dataLength, dataStored, fragmentEntry } from "./squashfs-format.ts";
import type { FileInode } from "./squashfs-read-inode.ts";
import type { Cursor, LookupReader } from "./squashfs-read-metadata.ts";

const keptBytes = 4 * 1024 * 1024;

/** Gives the contents of files, which share a few decompressed blocks. */
export class ContentReader {
  readonly #source: ByteSource;
  readonly #decompress: Decompress;
  readonly #blockBytes: number;
  readonly #fragments: LookupReader | undefined;
  readonly #kept = new Map<number, Uint8Array>();

  constructor(source: ByteSource, decompress: Decompress, blockBytes: number, fragments: LookupReader | undefined) {
    this.#source = source;
    this.#decompress = decompress;
    this.#blockBytes = blockBytes;
    this.#fragments = fragments;
  }

  /** A file's blocks are looked for when they are needed. `mostBlocks` is what the inode table has room to tell of. */
  content(inode: FileInode, mostBlocks: number): ByteSource {
    const { sizeBytes, fragment } = inode;
    const blockBytes = this.#blockBytes;
    const tailBytes = fragment === undefined ? 0 : sizeBytes % blockBytes;
    const blocks = Math.ceil((sizeBytes - tailBytes) / blockBytes);
    if (blocks > mostBlocks)
      damaged(`file ${inode.number} has ${sizeBytes} bytes, more than the sizes of its blocks have room`);
    let known: Blocks | undefined;
    const find = (): Blocks => {
      known ??= readBlocks(inode, blocks, sizeBytes - tailBytes, blockBytes, tailBytes);
      return known;
    };
    return {
      sizeBytes,
      get extents() {
        return sizeBytes === 0 ? [] : find().extents;
      },
      read: (target, offsetBytes) => {
        const { sizes, starts } = find();
        for (let at = 0; at < target.length; ) {
          const block = Math.floor((offsetBytes + at) / blockBytes);
          const inside = (offsetBytes + at) % blockBytes;
          const length = Math.min(blockBytes - inside, target.length - at);
          const piece = target.subarray(at, at + length);
          if (block >= blocks) this.#readTail(inode, tailBytes, inside, piece);
          else if (sizes[block] === 0) piece.fill(0);
          else {
            const plainBytes = Math.min(blockBytes, sizeBytes - block * blockBytes);
            const plain = this.#block(starts[block] as number, sizes[block] as number, plainBytes);
            if (plain.length !== plainBytes)
              damaged(`a block of file ${inode.number} has ${plain.length} bytes in place of ${plainBytes}`);
            piece.set(plain.subarray(inside, inside + length));
          }
          at += length;
        }
      },
    };
  }

  #readTail(inode: FileInode, tailBytes: number, inside: number, target: Uint8Array): void {
    const { fragment, fragmentOffset, number } = inode;
    const record = this.#fragments?.record(fragment as number) ?? damaged(`file ${number} has an end in no block`);
    const { start, size } = decode(fragmentEntry, record);
    const plain = this.#block(start, size, this.#blockBytes);
    if (fragmentOffset + tailBytes > plain.length) damaged(`the end of file ${number} is past the end of its block`);
    target.set(plain.subarray(fragmentOffset + inside, fragmentOffset + inside + target.length));
  }

  #block(startBytes: number, size: number, mostBytes: number): Uint8Array {
    let plain = this.#kept.get(startBytes);
    if (plain !== undefined) this.#kept.delete(startBytes);
    else {
      const length = dataLength(size);
      if (length === 0 || length > this.#blockBytes || startBytes + length > this.#source.sizeBytes)
        damaged(`it refers to a block of ${length} bytes at byte ${startBytes}`);
      const bytes = new Uint8Array(length);
      this.#source.read(bytes, startBytes);
      plain = (size & dataStored) !== 0 ? bytes : this.#decompress(bytes, mostBytes);
      if (this.#kept.size >= Math.max(2, keptBytes / this.#blockBytes))
        this.#kept.delete(this.#kept.keys().next().value as number);
    }
    this.#kept.set(startBytes, plain);
    return plain;
  }
}

interface Blocks {
  /** As in the inode. */
  readonly sizes: Uint32Array;
  readonly starts: Float64Array;
  readonly extents: readonly Extent[];
}

function readBlocks(
  { sizes: cursorAtSizes, startBytes }: FileInode,
  count: number,
  bytesInBlocks: number,
  blockBytes: number,
  tailBytes: number,
): Blocks {
  const cursor: Cursor = cursorAtSizes.copy();
  const encoded = cursor.take(4 * count);
  const view = new DataView(encoded.buffer);
  const sizes = new Uint32Array(count);
  const starts = new Float64Array(count);
  const extents: Extent[] = [];
  let at = startBytes;
  let begin: number | undefined;
  const end = (endBytes: number) => {
    if (begin !== undefined) extents.push({ offsetBytes: begin, lengthBytes: endBytes - begin });
    begin = undefined;
  };
  for (let block = 0; block < count; block++) {
    const size = view.getUint32(4 * block, true);
    sizes[block] = size;
    starts[block] = at;
    at += dataLength(size);
    if (size === 0) end(block * blockBytes);
    else begin ??= block * blockBytes;
  }
  if (tailBytes > 0) begin ??= bytesInBlocks;
  end(bytesInBlocks + tailBytes);
  return { sizes, starts, extents };
}
