import type { ByteSource } from "../../core/byte-source.ts";
import { damaged } from "./squashfs-damage.ts";
import type { Decompress } from "./squashfs-decompress.ts";
import { metadataBytes, metadataStored, type Place } from "./squashfs-format.ts";

interface Block {
  readonly bytes: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

const blocksKept = 64;

/** Reads blocks of metadata, and keeps those used last. */
export class MetadataReader {
  readonly #source: ByteSource;
  readonly #decompress: Decompress;
  readonly #kept = new Map<number, Block>();

  /** All metadata lies inside the source. */
  constructor(source: ByteSource, decompress: Decompress) {
    this.#source = source;
    this.#decompress = decompress;
  }

  /** Of plain bytes, uncompressed and not in blocks. */
  raw(atBytes: number, lengthBytes: number): Uint8Array {
    if (atBytes + lengthBytes > this.#source.sizeBytes)
      damaged(`it refers to byte ${atBytes + lengthBytes}, past its end`);
    const bytes = new Uint8Array(lengthBytes);
    this.#source.read(bytes, atBytes);
    return bytes;
  }

  block(atBytes: number): Block {
    let block = this.#kept.get(atBytes);
    if (block !== undefined) this.#kept.delete(atBytes);
    else {
      const { start, end, isStored } = this.header(atBytes);
      const bytes = this.raw(start, end - start);
      block = { bytes: isStored ? bytes : this.#decompress(bytes, metadataBytes), end };
      if (this.#kept.size === blocksKept) this.#kept.delete(this.#kept.keys().next().value as number);
    }
    this.#kept.set(atBytes, block);
    return block;
  }

  header(atBytes: number): { start: number; end: number; isStored: boolean } {
    const header = Buffer.from(this.raw(atBytes, 2)).readUInt16LE();
    const length = header & ~metadataStored;
    const end = atBytes + 2 + length;
    if (length === 0 || length > metadataBytes || end > this.#source.sizeBytes)
      damaged(`its block of metadata at byte ${atBytes} has ${length} bytes`);
    return { start: atBytes + 2, end, isStored: (header & metadataStored) !== 0 };
  }
}

/** A part of the image that is nothing but blocks of metadata. */
export class MetadataTable {
  readonly #reader: MetadataReader;
  readonly #startBytes: number;
  readonly #endBytes: number;
  /** How much may be in it at most, decompressed. */
  readonly capacityBytes: number;

  constructor(reader: MetadataReader, startBytes: number, endBytes: number) {
    this.#reader = reader;
    this.#startBytes = startBytes;
    this.#endBytes = endBytes;
    let blocks = 0;
    let at = startBytes;
    for (; at < endBytes; blocks++) at = reader.header(at).end;
    if (at !== endBytes) damaged(`its table at byte ${startBytes} does not end where the next one begins`);
    this.capacityBytes = blocks * metadataBytes;
  }

  cursor(place: Place): Cursor {
    if (place.offset >= metadataBytes) damaged(`it refers to byte ${place.offset} of a block of metadata`);
    return new Cursor(this.#reader, this.#startBytes + place.block, place.offset, this.#endBytes);
  }
}

/** Reads on from a place, from one block into the next. */
export class Cursor {
  readonly #reader: MetadataReader;
  readonly #endBytes: number;
  #blockAt: number;
  #offset: number;

  constructor(reader: MetadataReader, blockAt: number, offset: number, endBytes: number) {
    this.#reader = reader;
    this.#blockAt = blockAt;
    this.#offset = offset;
    this.#endBytes = endBytes;
  }

  /** Another one at the same place. */
  copy(): Cursor {
    return new Cursor(this.#reader, this.#blockAt, this.#offset, this.#endBytes);
  }

  /** Lengths that the image says must have been checked: memory for them is taken at once. */
  take(lengthBytes: number): Uint8Array {
    const taken = new Uint8Array(lengthBytes);
    for (let at = 0; at < lengthBytes; ) {
      if (this.#blockAt >= this.#endBytes) damaged("a table ends too early");
      const { bytes, end } = this.#reader.block(this.#blockAt);
      const piece = bytes.subarray(this.#offset, this.#offset + lengthBytes - at);
      // Only a table's last block may be less than full, and nothing lies behind that.
      if (piece.length === 0 && this.#offset < metadataBytes) damaged("it refers to a place past the end of a block");
      taken.set(piece, at);
      at += piece.length;
      this.#offset += piece.length;
      if (this.#offset < metadataBytes) continue;
      this.#offset -= metadataBytes;
      this.#blockAt = end;
    }
    return taken;
  }
}

/** Records that are looked up by number: an array of places of blocks, each of which is full of records. */
export class LookupReader {
  readonly count: number;
  /** Where the first block is; where the table itself is, if that is empty. */
  readonly startBytes: number;
  readonly #reader: MetadataReader;
  readonly #places: DataView;
  readonly #recordBytes: number;
  readonly #endBytes: number;
  readonly #name: string;

  constructor(reader: MetadataReader, name: string, placesAt: number, count: number, recordBytes: number) {
    this.#reader = reader;
    this.#name = name;
    this.#recordBytes = recordBytes;
    this.#endBytes = placesAt;
    this.count = count;
    const places = reader.raw(placesAt, 8 * Math.ceil((count * recordBytes) / metadataBytes));
    this.#places = new DataView(places.buffer);
    this.startBytes = places.length === 0 ? placesAt : this.#placeOf(0);
  }

  record(index: number): Uint8Array {
    if (index >= this.count) damaged(`it refers to number ${index} of ${this.count} in its table of ${this.#name}`);
    const at = index * this.#recordBytes;
    const block = this.#placeOf(Math.floor(at / metadataBytes));
    return new Cursor(this.#reader, block, at % metadataBytes, this.#endBytes).take(this.#recordBytes);
  }

  #placeOf(block: number): number {
    const place = this.#places.getBigUint64(8 * block, true);
    if (place >= BigInt(this.#endBytes)) damaged(`its table of ${this.#name} is not where it says`);
    return Number(place);
  }
}
