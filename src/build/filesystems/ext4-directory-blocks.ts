import { setDirectoryTail } from "./ext4-checksums.ts";
import { blockSizeBytes, directoryEntryHeader, directoryTail } from "./ext4-format.ts";

export interface DirectoryEntry {
  readonly name: Uint8Array;
  readonly inode: number;
  /** One of `entryTypes`. */
  readonly type: number;
}

/** Cuts a list of entries into blocks: the index of each block's first entry. */
export function packEntries(entries: readonly DirectoryEntry[], checksums: boolean): number[] {
  const roomBytes = blockSizeBytes - (checksums ? directoryTail.size : 0);
  const starts: number[] = [];
  let used = roomBytes;
  for (const [index, { name }] of entries.entries()) {
    const bytes = recordBytes(name.length);
    if (used + bytes > roomBytes) {
      starts.push(index);
      used = 0;
    }
    used += bytes;
  }
  return starts;
}

/** Writes a whole block of entries. `seed`: what the directory's checksums begin with, if there are any. */
export function encodeBlock(target: Uint8Array, entries: readonly DirectoryEntry[], seed: number | undefined): void {
  encodeEntries(seed === undefined ? target : target.subarray(0, target.length - directoryTail.size), 0, entries);
  if (seed !== undefined) setDirectoryTail(target, seed);
}

/** Writes entries from `at` to the end of the block, which the last one's record fills; without entries, an unused record does. */
export function encodeEntries(target: Uint8Array, at: number, entries: readonly DirectoryEntry[]): void {
  let offset = at;
  const last = entries.length - 1;
  if (last < 0) directoryEntryHeader.encodeInto(target, offset, { recordBytes: target.length - offset });
  for (const [index, { name, inode, type }] of entries.entries()) {
    const bytes = index === last ? target.length - offset : recordBytes(name.length);
    directoryEntryHeader.encodeInto(target, offset, { inode, recordBytes: bytes, nameBytes: name.length, type });
    target.set(name, offset + directoryEntryHeader.size);
    offset += bytes;
  }
}

export function recordBytes(nameBytes: number): number {
  return (directoryEntryHeader.size + nameBytes + 3) & ~3;
}
