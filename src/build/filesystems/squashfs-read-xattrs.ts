import { decodeName } from "../../core/names.ts";
import { damaged, decode } from "./squashfs-damage.ts";
import { placeOf, xattrElsewhere, xattrEntry, xattrId, xattrPrefixes, xattrTableHeader } from "./squashfs-format.ts";
import { type Cursor, LookupReader, type MetadataReader, MetadataTable } from "./squashfs-read-metadata.ts";

type Xattrs = ReadonlyMap<string, Uint8Array>;

/** linux/limits.h. */
const maxValueBytes = 65536;
/** Many sets may share much, which is no reason to take all memory for them. */
const budgetBytes = 256 * 1024 * 1024;

/** Reads sets of extended attributes; one that several inodes have is one map. */
export class XattrReader {
  /** Where what belongs to it begins. */
  readonly startBytes: number;
  readonly #ids: LookupReader;
  readonly #values: MetadataTable;
  readonly #known = new Map<number, Xattrs>();
  #leftBytes = budgetBytes;

  /** Errors: `image/damaged`. */
  constructor(reader: MetadataReader, headerAt: number) {
    const { start, ids } = decode(xattrTableHeader, reader.raw(headerAt, xattrTableHeader.size));
    this.#ids = new LookupReader(reader, "attributes", headerAt + xattrTableHeader.size, ids, xattrId.size);
    this.#values = new MetadataTable(reader, start, ids === 0 ? headerAt : this.#ids.startBytes);
    this.startBytes = start;
  }

  get(id: number): Xattrs {
    let xattrs = this.#known.get(id);
    if (xattrs === undefined) {
      xattrs = this.#read(id);
      this.#known.set(id, xattrs);
    }
    return xattrs;
  }

  #read(id: number): Xattrs {
    const { place, entries } = decode(xattrId, this.#ids.record(id));
    const cursor = this.#values.cursor(placeOf(place));
    const xattrs = new Map<string, Uint8Array>();
    for (let left = entries; left > 0; left--) {
      const { type, nameBytes } = decode(xattrEntry, cursor.take(xattrEntry.size));
      const prefix = xattrPrefixes[type & ~xattrElsewhere];
      if (prefix === undefined || nameBytes === 0) return damaged(`it has an attribute of the kind ${type}`);
      const name = prefix + decodeName(cursor.take(nameBytes));
      if (xattrs.has(name)) damaged(`it has the attribute ${name} twice for the same files`);
      const isElsewhere = (type & xattrElsewhere) !== 0;
      const value = this.#value(cursor);
      const actual = isElsewhere ? this.#valueAt(value) : value;
      this.#leftBytes -= nameBytes + actual.length + 100;
      if (this.#leftBytes < 0) damaged(`its attributes take more than ${budgetBytes} bytes`);
      xattrs.set(name, actual);
    }
    return xattrs;
  }

  #value(cursor: Cursor): Uint8Array {
    const length = new DataView(cursor.take(4).buffer).getUint32(0, true);
    if (length > maxValueBytes) damaged(`it has an attribute of ${length} bytes`);
    return cursor.take(length);
  }

  #valueAt(reference: Uint8Array): Uint8Array {
    if (reference.length !== 8) damaged("an attribute does not say where its value is");
    const place = new DataView(reference.buffer).getBigUint64(0, true);
    if (place >= 2n ** 48n) damaged("an attribute's value is past the end");
    return this.#value(this.#values.cursor(placeOf(Number(place))));
  }
}
