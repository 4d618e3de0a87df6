import { type ByteSource, bytesSource, composeSource, type Piece } from "../../core/byte-source.ts";
import { blocksSource, unitsSource } from "./ext4-body.ts";
import { inodeSeed, withXattrChecksum } from "./ext4-checksums.ts";
import {
  blockSizeBytes,
  blocksPerGroup,
  inodeNumbers,
  inodeSizeBytes,
  inodesPerBlock,
  superblockOffsetBytes,
} from "./ext4-format.ts";
import { fillBlockBitmap, fillInodeBitmap, type GroupUse, groupUses } from "./ext4-group-use.ts";
import { encodeInode, encodeRawInode } from "./ext4-inode-table.ts";
import type { Inode, InodePlan } from "./ext4-inodes.ts";
import { encodeJournalBackup, encodeJournalSuperblock, journalInode } from "./ext4-journal.ts";
import type { Layout } from "./ext4-layout.ts";
import { encodeMappingBlocks, encodeMappingRoot } from "./ext4-map-runs.ts";
import { countResizeBlocks, encodeResizeBlock, resizeInode, resizePieces } from "./ext4-resize.ts";
import { encodeDescriptors, encodeSuperblock } from "./ext4-superblock.ts";

export interface Identity {
  readonly label: string;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly epochSeconds: number;
}

const sectorsPerBlock = blockSizeBytes / 512;

/** The bytes of a file system whose layout is known. Blocks that would be all zeros are holes. */
export function layoutSource(layout: Layout, plan: InodePlan, identity: Identity, sizeBytes: number): ByteSource {
  const uses = groupUses(layout.geometry, layout.free, plan);
  const { checksumSeed } = plan.traits;
  const xattrSource = (index: number, block: number): ByteSource => {
    const bytes = plan.xattrBlocks[index] as Uint8Array;
    return bytesSource(checksumSeed === undefined ? bytes : withXattrChecksum(bytes, block, checksumSeed));
  };
  return composeSource(sizeBytes, [
    ...superblockPieces(layout, uses, identity),
    ...(layout.resizeBlock === undefined ? [] : resizePieces(layout.geometry, layout.resizeBlock)),
    ...bitmapPieces(layout, uses),
    ...inodeTablePieces(layout, plan, uses, identity.epochSeconds),
    ...journalPieces(layout, identity),
    ...bodyPieces(layout, plan),
    ...layout.xattrBlocks.map((block, index) => blockPiece(block, xattrSource(index, block))),
  ]);
}

function blockPiece(block: number, source: ByteSource): Piece {
  return { offsetBytes: block * blockSizeBytes, source };
}

function superblockPieces(layout: Layout, uses: readonly GroupUse[], identity: Identity): Piece[] {
  const { geometry, tables } = layout;
  const { journal, journalBlocks } = layout;
  const values = {
    ...identity,
    geometry,
    freeBlocks: layout.freeBlocks,
    freeInodes: uses.reduce((sum, use) => sum + use.freeInodes, 0),
    journalBackup: journal && encodeJournalBackup(encodeMappingRoot(journal), journalBlocks * blockSizeBytes),
    overheadBlocks: geometry.overheadBlocks + journalBlocks,
  };
  const descriptors = bytesSource(encodeDescriptors(geometry.traits, tables, uses));
  return tables.superblockGroups.flatMap((group) => {
    const startBytes = group * blocksPerGroup * blockSizeBytes;
    return [
      {
        // In group 0 the first sectors are the boot loader's.
        offsetBytes: startBytes + (group === 0 ? superblockOffsetBytes : 0),
        source: bytesSource(encodeSuperblock(values, group)),
      },
      { offsetBytes: startBytes + blockSizeBytes, source: descriptors },
    ];
  });
}

function bitmapPieces({ geometry, tables }: Layout, uses: readonly GroupUse[]): Piece[] {
  const bitmap = (fill: (target: Uint8Array) => void): ByteSource => unitsSource(1, blockSizeBytes, fill);
  const unusedInodes = bitmap((target) => fillInodeBitmap(target, { ...noUse, freeInodes: geometry.inodesPerGroup }));
  const pieces: Piece[] = [];
  for (const [group, use] of uses.entries()) {
    if (use.freeBlocks < blocksPerGroup)
      pieces.push(
        blockPiece(
          tables.blockBitmaps[group] as number,
          bitmap((target) => fillBlockBitmap(target, use)),
        ),
      );
    if (use.usedInodes > 0)
      pieces.push(
        blockPiece(
          tables.inodeBitmaps[group] as number,
          bitmap((target) => fillInodeBitmap(target, use)),
        ),
      );
    else if (geometry.inodesPerGroup < 8 * blockSizeBytes)
      pieces.push(blockPiece(tables.inodeBitmaps[group] as number, unusedInodes));
  }
  return pieces;
}

const noUse: GroupUse = { free: [], freeBlocks: 0, usedInodes: 0, freeInodes: 0, directories: 0 };

function inodeTablePieces(layout: Layout, plan: InodePlan, uses: readonly GroupUse[], epochSeconds: number): Piece[] {
  const { geometry, tables } = layout;
  const { checksumSeed, extents } = plan.traits;
  const resize = resizeInode(epochSeconds);
  const journal = journalInode(layout.journalBlocks, epochSeconds, extents);
  const positions = new Uint32Array(plan.lastInode + 1).fill(none);
  for (const [position, { number }] of plan.inodes.entries()) positions[number] = position;

  const encode = (target: Uint8Array, number: number): void => {
    const position = positions[number] ?? none;
    if (number === inodeNumbers.resize && layout.resizeBlock !== undefined)
      encodeRawInode(target, 0, resize, {
        block: encodeResizeBlock(layout.resizeBlock),
        sectors: countResizeBlocks(geometry) * sectorsPerBlock,
        xattrBlock: 0,
        checksumSeed,
      });
    else if (number === inodeNumbers.journal && layout.journal !== undefined)
      encodeInode(target, 0, journal, { mapping: layout.journal, xattrBlock: 0, checksumSeed });
    else if (position !== none) {
      const inode = plan.inodes[position] as Inode;
      const xattrBlock = inode.xattrBlock === undefined ? 0 : (layout.xattrBlocks[inode.xattrBlock] as number);
      encodeInode(target, 0, inode, { mapping: layout.mappings[position], xattrBlock, checksumSeed });
    }
  };
  return uses.flatMap(({ usedInodes }, group) => {
    const count = Math.ceil(usedInodes / inodesPerBlock) * inodesPerBlock;
    const before = group * geometry.inodesPerGroup;
    const source = unitsSource(count, inodeSizeBytes, (target, index) => encode(target, before + index + 1));
    return count === 0 ? [] : [blockPiece(tables.inodeTables[group] as number, source)];
  });
}

const none = 0xffffffff;

function journalPieces({ journal, journalBlocks }: Layout, { uuid }: Identity): Piece[] {
  if (journal === undefined) return [];
  const first = journal.extents[0]?.physicalBlock as number;
  return [
    blockPiece(first, bytesSource(encodeJournalSuperblock(journalBlocks, uuid))),
    ...encodeMappingBlocks(journal, undefined).map((bytes, index) =>
      blockPiece(journal.treeBlocks[index] as number, bytesSource(bytes)),
    ),
  ];
}

function bodyPieces({ mappings }: Layout, plan: InodePlan): Piece[] {
  const { checksumSeed } = plan.traits;
  const pieces: Piece[] = [];
  for (const [position, { body, number }] of plan.inodes.entries()) {
    const mapping = mappings[position];
    if (body === undefined || mapping === undefined) continue;
    for (const { logicalBlock, physicalBlock, blocks } of mapping.extents)
      pieces.push(blockPiece(physicalBlock, blocksSource(body.content, logicalBlock, blocks)));
    if (mapping.treeBlocks.length === 0) continue;
    const seed = checksumSeed === undefined ? undefined : inodeSeed(checksumSeed, number);
    for (const [index, bytes] of encodeMappingBlocks(mapping, seed).entries())
      pieces.push(blockPiece(mapping.treeBlocks[index] as number, bytesSource(bytes)));
  }
  return pieces;
}
