import { fileTypeBits } from "../../core/tree.ts";
import { blockSizeBytes, inodeFlags, inodeNumbers, journalSuperblock } from "./ext4-format.ts";
import type { Inode } from "./ext4-inodes.ts";

const jbd2Magic = 0xc03b3998;
const superblockV2 = 4;

/** The hidden file that is the journal. Its blocks are all allocated; only the first is not zero. */
export function journalInode(blocks: number, epochSeconds: number, extents: boolean): Inode {
  return {
    number: inodeNumbers.journal,
    mode: fileTypeBits.file | 0o600,
    uid: 0,
    gid: 0,
    time: epochSeconds,
    links: 1,
    sizeBytes: blocks * blockSizeBytes,
    flags: extents ? inodeFlags.extents : 0,
  };
}

/** An empty journal: nothing to replay (start 0). */
export function encodeJournalSuperblock(blocks: number, uuid: Uint8Array): Uint8Array {
  return journalSuperblock.encode({
    magic: jbd2Magic,
    blockType: superblockV2,
    blockSize: blockSizeBytes,
    maxLength: blocks,
    firstBlock: 1,
    sequence: 1,
    startBlock: 0,
    uuid,
    users: 1,
  });
}

/** `s_jnl_blocks`: the journal inode's `i_block`, size (high, low), from which e2fsck can restore it. */
export function encodeJournalBackup(block: Uint8Array, sizeBytes: number): Uint8Array {
  const backup = new Uint8Array(block.length + 8);
  backup.set(block);
  const view = new DataView(backup.buffer);
  view.setUint32(block.length, Math.floor(sizeBytes / 2 ** 32), true);
  view.setUint32(block.length + 4, sizeBytes % 2 ** 32, true);
  return backup;
}
