import {
  indexEntry,
  listingEntry,
  listingHeader,
  maxEntriesPerHeader,
  metadataBytes,
  type Place,
} from "./squashfs-format.ts";
import type { MetadataWriter } from "./squashfs-metadata.ts";

export interface ListingEntry {
  readonly name: Uint8Array;
  readonly type: number;
  readonly number: number;
  /** Of its inode. */
  readonly place: Place;
}

export interface Listing {
  readonly place: Place;
  readonly sizeBytes: number;
  /** Encoded entries of the index; none for a short directory. */
  readonly index: readonly Uint8Array[];
}

const maxDelta = 32767;
const maxIndexEntries = 65535;

/** Writes a directory's entries, sorted by name, under headers; one that is long gets an index of the headers that are the first in their block. */
export function writeListing(entries: readonly ListingEntry[], writer: MetadataWriter): Listing {
  if (entries.length === 0) return { place: { block: 0, offset: 0 }, sizeBytes: 0, index: [] };
  const { place } = writer;
  const bytes = entries.reduce((sum, { name }) => sum + listingEntry.size + name.length, 0);
  const isLong = bytes > metadataBytes;
  const index: Uint8Array[] = [];
  let indexedBlock = place.block;
  let sizeBytes = 0;
  for (let first = 0; first < entries.length; ) {
    const { place: at } = writer;
    const run = runFrom(entries, first, isLong ? metadataBytes - at.offset : Number.POSITIVE_INFINITY);
    const head = run[0] as ListingEntry;
    if (isLong && at.block !== indexedBlock && index.length < maxIndexEntries) {
      const entry = indexEntry.encode({ listingOffset: sizeBytes, block: at.block, nameBytes: head.name.length - 1 });
      index.push(Buffer.concat([entry, head.name]));
      indexedBlock = at.block;
    }
    const encoded = encodeRun(run);
    writer.write(encoded);
    sizeBytes += encoded.length;
    first += run.length;
  }
  return { place, sizeBytes, index };
}

/** Entries that can share a header; the next header begins in the first block that this one's entries do not fill. */
function runFrom(entries: readonly ListingEntry[], first: number, roomBytes: number): readonly ListingEntry[] {
  const head = entries[first] as ListingEntry;
  let bytes = listingHeader.size;
  let end = first;
  for (; end < entries.length && end - first < maxEntriesPerHeader && bytes < roomBytes; end++) {
    const { name, number, place } = entries[end] as ListingEntry;
    if (place.block !== head.place.block || Math.abs(number - head.number) > maxDelta) break;
    bytes += listingEntry.size + name.length;
  }
  return entries.slice(first, Math.max(end, first + 1));
}

function encodeRun(run: readonly ListingEntry[]): Uint8Array {
  const head = run[0] as ListingEntry;
  const parts = [listingHeader.encode({ entries: run.length - 1, block: head.place.block, number: head.number })];
  for (const { name, type, number, place } of run)
    parts.push(
      listingEntry.encode({
        offset: place.offset,
        numberDelta: number - head.number,
        type,
        nameBytes: name.length - 1,
      }),
      name,
    );
  return Buffer.concat(parts);
}
