import { directoryEntryHeader, inodeFlags } from "./ext4-format.ts";
import type { ReadInode } from "./ext4-read-inode.ts";
import { mapInode } from "./ext4-read-mapping.ts";
import { damaged, type Volume } from "./ext4-volume.ts";

export interface ReadEntry {
  readonly name: Uint8Array;
  readonly inode: number;
}

/**
 * All names of a directory but `.` and `..`, in the order of the disk. An index by hash is passed over: to a reader that does not know it, its blocks are empty ones.
 *
 * @param claimed blocks that were read as a directory's; one that comes twice is an error, and so work is bounded by the image's size
 */
export function readDirectory(
  volume: Volume,
  directory: ReadInode,
  inlineRest: Uint8Array,
  claimed: Set<number>,
): ReadEntry[] {
  const entries: ReadEntry[] = [];
  if ((directory.flags & inodeFlags.inlineData) !== 0) {
    // The parent's number comes first, there are no dots.
    readEntries(directory, directory.block.subarray(4), entries);
    readEntries(directory, inlineRest, entries);
    return entries;
  }
  const { blockSizeBytes } = volume;
  const endBlock = Math.ceil(directory.sizeBytes / blockSizeBytes);
  for (const { logicalBlock, physicalBlock, blocks } of mapInode(volume, directory))
    for (let index = 0; index < blocks && logicalBlock + index < endBlock; index++) {
      const block = physicalBlock + index;
      if (claimed.has(block)) damaged(`block ${block} belongs to directories twice`);
      claimed.add(block);
      readEntries(directory, volume.read(block * blockSizeBytes, blockSizeBytes), entries);
    }
  return entries;
}

function readEntries({ number }: ReadInode, block: Uint8Array, entries: ReadEntry[]): void {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const { inode: inodeField, recordBytes: recordField, nameBytes: nameField } = directoryEntryHeader.fields;
  for (let at = 0; at < block.length; ) {
    if (block.length - at < directoryEntryHeader.size)
      damaged(`directory inode ${number} has an entry that is cut off`);
    const inode = inodeField.take(view, at + inodeField.offset, true);
    const nameBytes = nameField.take(view, at + nameField.offset, true);
    const recordBytes = recordLength(recordField.take(view, at + recordField.offset, true), block.length);
    if (recordBytes % 4 !== 0 || recordBytes < directoryEntryHeader.size + nameBytes || recordBytes > block.length - at)
      damaged(`directory inode ${number} has an entry of ${recordBytes} bytes`);
    if (inode !== 0) {
      const start = at + directoryEntryHeader.size;
      const name = block.subarray(start, start + nameBytes);
      if (!isDots(name)) entries.push({ name, inode });
    }
    at += recordBytes;
  }
}

/** Blocks of 64 KiB are one too long for sixteen bits (fs/ext4/ext4.h, ext4_rec_len_from_disk). */
function recordLength(stored: number, blockBytes: number): number {
  if (blockBytes < 65_536) return stored;
  return stored === 65_535 || stored === 0 ? blockBytes : stored;
}

function isDots(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));
}
