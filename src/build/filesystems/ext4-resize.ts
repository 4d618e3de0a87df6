import { bytesSource, type Piece } from "../../core/byte-source.ts";
import { fileTypeBits } from "../../core/tree.ts";
import { addressesPerBlock, blockSizeBytes, blocksPerGroup, inlineBlockBytes, inodeNumbers } from "./ext4-format.ts";
import { backupGroups, type Geometry } from "./ext4-geometry.ts";
import type { Inode } from "./ext4-inodes.ts";

/**
 * The resize inode: a file made of all reserved descriptor blocks, in the shape that the kernel checks before it grows a file system
 * (fs/ext4/resize.c, reserve_backup_gdb and verify_reserved_gdb). Its double-indirect block lists the reserved blocks of group 0, each at the
 * position of the descriptor block it will become; each of those in turn is the indirect block which lists its copies in the backup groups.
 */
export function resizeInode(epochSeconds: number): Inode {
  const directBlocks = 12;
  return {
    number: inodeNumbers.resize,
    mode: fileTypeBits.file | 0o600,
    uid: 0,
    gid: 0,
    time: epochSeconds,
    links: 1,
    // All that direct, indirect and double-indirect blocks can reach.
    sizeBytes: (directBlocks + addressesPerBlock + addressesPerBlock ** 2) * blockSizeBytes,
    flags: 0,
  };
}

/** `i_block` with nothing but the double-indirect block, which is the fourteenth word. */
export function encodeResizeBlock(doubleIndirectBlock: number): Uint8Array {
  const block = new Uint8Array(inlineBlockBytes);
  new DataView(block.buffer).setUint32(13 * 4, doubleIndirectBlock, true);
  return block;
}

/** The double-indirect block, the reserved blocks of group 0, and their copies. */
export function countResizeBlocks(geometry: Geometry): number {
  return 1 + geometry.reservedDescriptorBlocks * (1 + backupGroups(geometry.groups).length);
}

export function resizePieces(geometry: Geometry, doubleIndirectBlock: number): Piece[] {
  const { descriptorBlocks, reservedDescriptorBlocks } = geometry;
  const firstReserved = 1 + descriptorBlocks;
  const reserved = Array.from({ length: reservedDescriptorBlocks }, (_, index) => firstReserved + index);
  const doubleIndirect = new Uint8Array(blockSizeBytes);
  const view = new DataView(doubleIndirect.buffer);
  for (const [index, block] of reserved.entries())
    view.setUint32(((descriptorBlocks + index) % addressesPerBlock) * 4, block, true);
  const backups = backupGroups(geometry.groups);
  return [
    { offsetBytes: doubleIndirectBlock * blockSizeBytes, source: bytesSource(doubleIndirect) },
    ...reserved.map((block) => ({
      offsetBytes: block * blockSizeBytes,
      source: bytesSource(encodeAddresses(backups.map((group) => group * blocksPerGroup + block))),
    })),
  ];
}

function encodeAddresses(blocks: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(blocks.length * 4));
  for (const [index, block] of blocks.entries()) view.setUint32(index * 4, block, true);
  return new Uint8Array(view.buffer);
}
