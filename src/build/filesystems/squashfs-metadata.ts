import type { Compress } from "./squashfs-compress.ts";
import { metadataBytes, metadataStored, type Place } from "./squashfs-format.ts";

/** Cuts records into blocks of metadata, with no regard to where one ends, and compresses these as they become full. */
export class MetadataWriter {
  readonly #compress: Compress;
  readonly #block = new Uint8Array(metadataBytes);
  #used = 0;
  readonly #parts: Uint8Array[] = [];
  #writtenBytes = 0;
  /** Where each block begins. */
  readonly blockStarts: number[] = [];

  constructor(compress: Compress) {
    this.#compress = compress;
  }

  /** Where the next byte will be. */
  get place(): Place {
    return { block: this.#writtenBytes, offset: this.#used };
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const length = Math.min(bytes.length - at, metadataBytes - this.#used);
      this.#block.set(bytes.subarray(at, at + length), this.#used);
      this.#used += length;
      at += length;
      if (this.#used === metadataBytes) this.#flush();
    }
  }

  /** All blocks. Nothing can be written any more. */
  finish(): Uint8Array {
    if (this.#used > 0) this.#flush();
    return Buffer.concat(this.#parts);
  }

  #flush(): void {
    const plain = this.#block.subarray(0, this.#used);
    const compressed = this.#compress(plain);
    const content = new Uint8Array(compressed ?? plain);
    const header = Buffer.alloc(2);
    header.writeUInt16LE(content.length | (compressed === undefined ? metadataStored : 0));
    this.#parts.push(header, content);
    this.blockStarts.push(this.#writtenBytes);
    this.#writtenBytes += header.length + content.length;
    this.#used = 0;
  }
}

/** Records of one size in metadata that begins at `atBytes`, followed by where each block is: how all tables are found that are looked up by number. */
export function lookupTable(records: readonly Uint8Array[], atBytes: number, compress: Compress): LookupTable {
  const writer = new MetadataWriter(compress);
  for (const record of records) writer.write(record);
  const blocks = writer.finish();
  return { blocks, places: encodePlaces(writer.blockStarts, atBytes) };
}

export interface LookupTable {
  readonly blocks: Uint8Array;
  readonly places: Uint8Array;
}

function encodePlaces(starts: readonly number[], atBytes: number): Uint8Array {
  const places = Buffer.alloc(8 * starts.length);
  for (const [index, start] of starts.entries()) places.writeBigUInt64LE(BigInt(atBytes + start), 8 * index);
  return places;
}
