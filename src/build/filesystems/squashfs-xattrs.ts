import { compareNames, encodeName } from "../../core/names.ts";
import type { Compress } from "./squashfs-compress.ts";
import { none, reference, xattrEntry, xattrId, xattrPrefixes, xattrTableHeader } from "./squashfs-format.ts";
import { lookupTable, MetadataWriter } from "./squashfs-metadata.ts";

/** Sets of extended attributes; inodes with equal ones share a set. */
export class XattrTable {
  readonly #compress: Compress;
  readonly #entries: MetadataWriter;
  readonly #ids: Uint8Array[] = [];
  readonly #known = new Map<string, number>();

  constructor(compress: Compress) {
    this.#compress = compress;
    this.#entries = new MetadataWriter(compress);
  }

  /** What an inode says of its attributes. */
  idOf(xattrs: ReadonlyMap<string, Uint8Array> | undefined): number {
    if (xattrs === undefined || xattrs.size === 0) return none;
    const encoded = encodeXattrs(xattrs);
    const key = encoded.toString("latin1");
    let id = this.#known.get(key);
    if (id === undefined) {
      const place = reference(this.#entries.place);
      const namesBytes = [...xattrs.keys()].reduce((sum, name) => sum + encodeName(name).length + 1, 0);
      this.#entries.write(encoded);
      id = this.#ids.push(xattrId.encode({ place, entries: xattrs.size, namesBytes })) - 1;
      this.#known.set(key, id);
    }
    return id;
  }

  /** The whole table and where in it its header is; undefined if nothing has attributes. */
  finish(atBytes: number): { bytes: Uint8Array; headerAt: number } | undefined {
    if (this.#ids.length === 0) return undefined;
    const entries = this.#entries.finish();
    const { blocks, places } = lookupTable(this.#ids, atBytes + entries.length, this.#compress);
    const header = xattrTableHeader.encode({ start: atBytes, ids: this.#ids.length });
    return {
      bytes: Buffer.concat([entries, blocks, header, places]),
      headerAt: atBytes + entries.length + blocks.length,
    };
  }
}

function encodeXattrs(xattrs: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, value] of [...xattrs].sort(([a], [b]) => compareNames(a, b))) {
    const type = xattrPrefixes.findIndex((prefix) => name.startsWith(prefix));
    const rest = encodeName(name.slice((xattrPrefixes[type] as string).length));
    const valueBytes = Buffer.alloc(4);
    valueBytes.writeUInt32LE(value.length);
    parts.push(xattrEntry.encode({ type, nameBytes: rest.length }), rest, valueBytes, value);
  }
  return Buffer.concat(parts);
}
