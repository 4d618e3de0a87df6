import { crc32c } from "./ext4-crc32c.ts";
import type { FeatureFlags } from "./ext4-features.ts";
import {
  blockSizeBytes,
  compatible,
  groupDescriptor,
  incompatible,
  log2GroupsPerFlex,
  readOnlyCompatible,
  wideGroupDescriptor,
} from "./ext4-format.ts";

/** What a set of features means for a file system that is to be written. */
export interface Traits {
  readonly flags: FeatureFlags;
  readonly descriptorSizeBytes: number;
  /** Files have extents, else ext2's maps. */
  readonly extents: boolean;
  readonly groupsPerFlex: number;
  readonly resizeInode: boolean;
  readonly directoryIndex: boolean;
  readonly journal: boolean;
  /** Inodes say how much of their second half is fields, so that attributes may follow. */
  readonly extraIsize: boolean;
  /** Hard links that a file may have. */
  readonly maxLinks: number;
  /** Whether a directory with more subdirectories than that may say "many". */
  readonly manySubdirectories: boolean;
  readonly maxFileSizeBytes: number;
  /** What checksums of metadata begin with; undefined if there are none. */
  readonly checksumSeed: number | undefined;
}

/** Logical block numbers are 32 bits wide and 2^32 - 1 is not one of them. */
const maxExtentFileBytes = (2 ** 32 - 1) * blockSizeBytes;
/** 2^32 sectors, less what a full map takes of them (fs/ext4/super.c, ext4_max_bitmap_size; 1024 numbers in a block of 4 KiB). */
const mapBlocks = 1 + (1 + 1024) + (1 + 1024 + 1024 ** 2);
const maxMappedFileBytes = (2 ** 32 / 8 - 1 - mapBlocks) * blockSizeBytes;
/** EXT4_LINK_MAX and EXT2_LINK_MAX. */
const ext4Links = 65_000;
const ext2Links = 32_000;

export function traitsOf(flags: FeatureFlags, uuid: Uint8Array): Traits {
  const hasCompatible = (bit: number): boolean => (flags.compatible & bit) !== 0;
  const hasIncompatible = (bit: number): boolean => (flags.incompatible & bit) !== 0;
  const hasReadOnly = (bit: number): boolean => (flags.readOnlyCompatible & bit) !== 0;
  const extents = hasIncompatible(incompatible.extents);
  return {
    flags,
    descriptorSizeBytes: hasIncompatible(incompatible.bits64) ? wideGroupDescriptor.size : groupDescriptor.size,
    extents,
    groupsPerFlex: hasIncompatible(incompatible.flexBg) ? 2 ** log2GroupsPerFlex : 1,
    resizeInode: hasCompatible(compatible.resizeInode),
    directoryIndex: hasCompatible(compatible.dirIndex),
    journal: hasCompatible(compatible.hasJournal),
    extraIsize: hasReadOnly(readOnlyCompatible.extraIsize),
    maxLinks: extents ? ext4Links : ext2Links,
    manySubdirectories: hasReadOnly(readOnlyCompatible.dirNlink),
    maxFileSizeBytes: extents ? maxExtentFileBytes : maxMappedFileBytes,
    checksumSeed: hasReadOnly(readOnlyCompatible.metadataChecksum) ? crc32c(0xffffffff, uuid) : undefined,
  };
}

export function descriptorsPerBlock({ descriptorSizeBytes }: Traits): number {
  return blockSizeBytes / descriptorSizeBytes;
}
