import { encodeName } from "../../core/names.ts";
import {
  blockSizeBytes,
  blocksPerGroup,
  compatible,
  descriptorsPerBlock,
  extraIsizeBytes,
  firstFreeInode,
  groupDescriptor,
  hashVersions,
  incompatible,
  inodeNumbers,
  inodeSizeBytes,
  log2GroupsPerFlex,
  readOnlyCompatible,
  superblock,
  superblockMagic,
} from "./ext4-format.ts";
import type { Geometry } from "./ext4-geometry.ts";
import type { GroupUse } from "./ext4-group-use.ts";
import type { GroupTables } from "./ext4-groups.ts";

export interface SuperblockValues {
  readonly geometry: Geometry;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly label: string;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly epochSeconds: number;
  readonly journalBackup: Uint8Array;
  /** Blocks that no file may ever have, journal included; saves the kernel counting them at each mount. */
  readonly overheadBlocks: number;
}

/**
 * The features that every reader in the field can live with: GRUB since 2.0, the importers of the clouds (no `64bit`, no
 * `metadata_csum`), kernels since 3.7.
 */
const features = {
  compatibleFeatures: compatible.hasJournal | compatible.extAttr | compatible.resizeInode | compatible.dirIndex,
  incompatibleFeatures: incompatible.filetype | incompatible.extents | incompatible.flexBg,
  readOnlyCompatibleFeatures:
    readOnlyCompatible.sparseSuper |
    readOnlyCompatible.largeFile |
    readOnlyCompatible.hugeFile |
    readOnlyCompatible.dirNlink |
    readOnlyCompatible.extraIsize,
};
const stateClean = 1;
const errorsContinue = 1;
const defaultMountUserXattrAndAcl = 0x4 | 0x8;
const signedDirectoryHash = 1;
const journalBackupInode = 1;
const noMaxMountCount = 0xffff;

/** The superblock as it stands in one group: the copies differ in the number of their group only. */
export function encodeSuperblock(values: SuperblockValues, group: number): Uint8Array {
  const { geometry, epochSeconds } = values;
  const time = epochSeconds % 2 ** 32;
  const timeHigh = Math.floor(epochSeconds / 2 ** 32);
  return superblock.encode({
    inodesCount: geometry.groups * geometry.inodesPerGroup,
    blocksCount: geometry.blocks,
    freeBlocksCount: values.freeBlocks,
    freeInodesCount: values.freeInodes,
    // In units of 1 KiB, as a power of two.
    logBlockSize: Math.log2(blockSizeBytes / 1024),
    logClusterSize: Math.log2(blockSizeBytes / 1024),
    blocksPerGroup,
    clustersPerGroup: blocksPerGroup,
    inodesPerGroup: geometry.inodesPerGroup,
    writeTime: time,
    writeTimeHigh: timeHigh,
    maxMountCount: noMaxMountCount,
    magic: superblockMagic,
    state: stateClean,
    errors: errorsContinue,
    lastCheckTime: time,
    lastCheckTimeHigh: timeHigh,
    revision: 1,
    firstInode: firstFreeInode,
    inodeSize: inodeSizeBytes,
    // The field has 16 bits and is for recovery only: e2fsprogs keeps the low ones too.
    blockGroupNumber: group % 2 ** 16,
    ...features,
    uuid: values.uuid,
    volumeName: encodeName(values.label),
    reservedDescriptorBlocks: geometry.reservedDescriptorBlocks,
    journalInode: inodeNumbers.journal,
    hashSeed: values.hashSeed,
    defaultHashVersion: hashVersions.halfMd4,
    journalBackupType: journalBackupInode,
    defaultMountOptions: defaultMountUserXattrAndAcl,
    mkfsTime: time,
    mkfsTimeHigh: timeHigh,
    journalBlocks: values.journalBackup,
    minExtraIsize: extraIsizeBytes,
    wantExtraIsize: extraIsizeBytes,
    flags: signedDirectoryHash,
    log2GroupsPerFlex,
    overheadBlocks: values.overheadBlocks,
  });
}

/** All group descriptors, padded to whole blocks. */
export function encodeDescriptors(tables: GroupTables, uses: readonly GroupUse[]): Uint8Array {
  const blocks = Math.ceil(uses.length / descriptorsPerBlock);
  const target = new Uint8Array(blocks * blockSizeBytes);
  for (const [group, use] of uses.entries())
    groupDescriptor.encodeInto(target, group * groupDescriptor.size, {
      blockBitmap: tables.blockBitmaps[group] as number,
      inodeBitmap: tables.inodeBitmaps[group] as number,
      inodeTable: tables.inodeTables[group] as number,
      freeBlocksCount: use.freeBlocks,
      freeInodesCount: use.freeInodes,
      usedDirsCount: use.directories,
    });
  return target;
}
