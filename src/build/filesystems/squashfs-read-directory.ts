import { decodeName } from "../../core/names.ts";
import { damaged, decode } from "./squashfs-damage.ts";
import { listingEntry, listingHeader, maxEntriesPerHeader, maxNameBytes, type Place } from "./squashfs-format.ts";
import type { DirectoryInode } from "./squashfs-read-inode.ts";
import type { MetadataTable } from "./squashfs-read-metadata.ts";

export interface Entry {
  readonly name: string;
  readonly type: number;
  readonly place: Place;
}

/** Entries of a directory as they come. Errors: `image/damaged`. */
export function* readDirectory(
  { listing, listingBytes, number }: DirectoryInode,
  table: MetadataTable,
): Generator<Entry> {
  const cursor = table.cursor(listing);
  let leftBytes = listingBytes;
  const take = (bytes: number): Uint8Array => {
    leftBytes -= bytes;
    if (leftBytes < 0) damaged(`the listing of directory ${number} ends in the middle of an entry`);
    return cursor.take(bytes);
  };
  while (leftBytes > 0) {
    const header = decode(listingHeader, take(listingHeader.size));
    if (header.entries >= maxEntriesPerHeader)
      damaged(`a header of directory ${number} has ${header.entries + 1} entries`);
    for (let left = header.entries; left >= 0; left--) {
      const { offset, type, nameBytes } = decode(listingEntry, take(listingEntry.size));
      if (nameBytes >= maxNameBytes) damaged(`a name in directory ${number} has ${nameBytes + 1} bytes`);
      const bytes = take(nameBytes + 1);
      const name = decodeName(bytes);
      if (bytes.includes(0) || bytes.includes(0x2f) || name === "." || name === "..")
        damaged(`directory ${number} has an entry of the name ${JSON.stringify(name)}`);
      yield { name, type, place: { block: header.block, offset } };
    }
  }
}
