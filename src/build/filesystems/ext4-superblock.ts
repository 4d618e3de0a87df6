import { encodeName } from "../../core/names.ts";
import { descriptorChecksum, superblockChecksum } from "./ext4-checksums.ts";
import { crc32c } from "./ext4-crc32c.ts";
import {
  blockSizeBytes,
  blocksPerGroup,
  compatible,
  extraIsizeBytes,
  firstFreeInode,
  groupDescriptor,
  hashVersions,
  incompatible,
  inodeNumbers,
  inodeSizeBytes,
  superblock,
  superblockMagic,
  wideGroupDescriptor,
} from "./ext4-format.ts";
import type { Geometry } from "./ext4-geometry.ts";
import { fillBlockBitmap, fillInodeBitmap, type GroupUse } from "./ext4-group-use.ts";
import type { GroupTables } from "./ext4-groups.ts";
import { descriptorsPerBlock, type Traits } from "./ext4-traits.ts";

export interface SuperblockValues {
  readonly geometry: Geometry;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly label: string;
  readonly uuid: Uint8Array;
  readonly hashSeed: Uint8Array;
  readonly epochSeconds: number;
  /** Undefined without a journal. */
  readonly journalBackup: Uint8Array | undefined;
  /** Blocks that no file may ever have, journal included; saves the kernel counting them at each mount. */
  readonly overheadBlocks: number;
}

const stateClean = 1;
const errorsContinue = 1;
const defaultMountUserXattrAndAcl = 0x4 | 0x8;
const signedDirectoryHash = 1;
const journalBackupInode = 1;
const noMaxMountCount = 0xffff;
const checksumCrc32c = 1;
/** EXT4_BG_INODE_ZEROED: the inode table needs no zeroing by the kernel, it is zero or a hole. */
const inodeTableZeroed = 4;

/** The superblock as it stands in one group: the copies differ in the number of their group only. */
export function encodeSuperblock(values: SuperblockValues, group: number): Uint8Array {
  const { geometry, epochSeconds, journalBackup } = values;
  const { traits } = geometry;
  const { flags } = traits;
  const time = epochSeconds % 2 ** 32;
  const timeHigh = Math.floor(epochSeconds / 2 ** 32);
  const bytes = superblock.encode({
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
    compatibleFeatures: flags.compatible,
    incompatibleFeatures: flags.incompatible,
    readOnlyCompatibleFeatures: flags.readOnlyCompatible,
    uuid: values.uuid,
    volumeName: encodeName(values.label),
    reservedDescriptorBlocks: geometry.reservedDescriptorBlocks,
    journalInode: traits.journal ? inodeNumbers.journal : 0,
    hashSeed: values.hashSeed,
    defaultHashVersion: hashVersions.halfMd4,
    journalBackupType: journalBackup === undefined ? 0 : journalBackupInode,
    descriptorSize: traits.descriptorSizeBytes > groupDescriptor.size ? traits.descriptorSizeBytes : 0,
    defaultMountOptions: (flags.compatible & compatible.extAttr) === 0 ? 0 : defaultMountUserXattrAndAcl,
    mkfsTime: time,
    mkfsTimeHigh: timeHigh,
    ...(journalBackup === undefined ? {} : { journalBlocks: journalBackup }),
    minExtraIsize: traits.extraIsize ? extraIsizeBytes : 0,
    wantExtraIsize: traits.extraIsize ? extraIsizeBytes : 0,
    flags: signedDirectoryHash,
    log2GroupsPerFlex: Math.log2(traits.groupsPerFlex),
    checksumType: traits.checksumSeed === undefined ? 0 : checksumCrc32c,
    checksumSeed: (flags.incompatible & incompatible.checksumSeed) === 0 ? 0 : (traits.checksumSeed ?? 0),
    overheadBlocks: values.overheadBlocks,
  });
  if (traits.checksumSeed !== undefined)
    superblock.fields.checksum.put(
      new DataView(bytes.buffer),
      superblock.fields.checksum.offset,
      superblockChecksum(bytes),
      true,
    );
  return bytes;
}

/** All group descriptors, padded to whole blocks. */
export function encodeDescriptors(traits: Traits, tables: GroupTables, uses: readonly GroupUse[]): Uint8Array {
  const { descriptorSizeBytes, checksumSeed } = traits;
  const blocks = Math.ceil(uses.length / descriptorsPerBlock(traits));
  const target = new Uint8Array(blocks * blockSizeBytes);
  const checksums = checksumSeed === undefined ? undefined : bitmapChecksums(checksumSeed);
  for (const [group, use] of uses.entries()) {
    const descriptor = target.subarray(group * descriptorSizeBytes, (group + 1) * descriptorSizeBytes);
    const values = {
      blockBitmap: tables.blockBitmaps[group] as number,
      inodeBitmap: tables.inodeBitmaps[group] as number,
      inodeTable: tables.inodeTables[group] as number,
      freeBlocksCount: use.freeBlocks,
      freeInodesCount: use.freeInodes,
      usedDirsCount: use.directories,
    };
    if (checksums === undefined || checksumSeed === undefined) groupDescriptor.encodeInto(descriptor, 0, values);
    else {
      const { blockBitmap, inodeBitmap } = checksums(use);
      const checked = {
        ...values,
        flags: inodeTableZeroed,
        unusedInodesCount: use.freeInodes,
        blockBitmapChecksum: blockBitmap & 0xffff,
        inodeBitmapChecksum: inodeBitmap & 0xffff,
      };
      if (descriptorSizeBytes < wideGroupDescriptor.size) groupDescriptor.encodeInto(descriptor, 0, checked);
      else
        wideGroupDescriptor.encodeInto(descriptor, 0, {
          ...checked,
          blockBitmapChecksumHigh: blockBitmap >>> 16,
          inodeBitmapChecksumHigh: inodeBitmap >>> 16,
        });
      const checksum = descriptorChecksum(checksumSeed, group, descriptor);
      groupDescriptor.fields.checksum.put(
        new DataView(descriptor.buffer, descriptor.byteOffset),
        groupDescriptor.fields.checksum.offset,
        checksum,
        true,
      );
    }
  }
  return target;
}

/** Most groups of a large file system are empty and have the same bitmaps. */
function bitmapChecksums(seed: number): (use: GroupUse) => { blockBitmap: number; inodeBitmap: number } {
  const bitmap = new Uint8Array(blockSizeBytes);
  const known = new Map<string, number>();
  const remember = (key: string | undefined, make: () => number): number => {
    const found = key === undefined ? undefined : known.get(key);
    if (found !== undefined) return found;
    const made = make();
    if (key !== undefined) known.set(key, made);
    return made;
  };
  return (use) => {
    const inodeBytes = (use.usedInodes + use.freeInodes) / 8;
    return {
      blockBitmap: remember(use.freeBlocks === blocksPerGroup ? "free" : undefined, () => {
        fillBlockBitmap(bitmap, use);
        return crc32c(seed, bitmap);
      }),
      inodeBitmap: remember(use.usedInodes === 0 ? "unused" : undefined, () => {
        fillInodeBitmap(bitmap, use);
        return crc32c(seed, bitmap.subarray(0, inodeBytes));
      }),
    };
  };
}
