/**
 * The on-disk structures of ext4, as tables. Source: Linux kernel documentation, filesystems/ext4 ("Data Structures and Algorithms"), and
 * fs/ext4/ext4.h, ext4_extents.h, xattr.h, include/linux/jbd2.h. All little-endian, except the journal, which is big-endian.
 */
import { ascii, bytes, struct, u8, u16, u32 } from "../../core/struct.ts";

export const blockSizeBytes = 4096;
/** One block of bitmap describes this many blocks. */
export const blocksPerGroup = 8 * blockSizeBytes;
export const maxInodesPerGroup = 8 * blockSizeBytes;
export const inodeSizeBytes = 256;
export const inodesPerBlock = blockSizeBytes / inodeSizeBytes;
/** Block numbers in one block of an indirect map. */
export const addressesPerBlock = blockSizeBytes / 4;
/** Groups whose bitmaps and inode tables lie together; the kernel keeps the habit when it grows the file system. */
export const log2GroupsPerFlex = 4;
export const maxNameBytes = 255;

export const inodeNumbers = { root: 2, resize: 7, journal: 8, lostAndFound: 11 } as const;
export const firstFreeInode = 11;

/** A reader that does not know one of these may use the file system all the same. */
export const compatible = {
  hasJournal: 0x4,
  extAttr: 0x8,
  resizeInode: 0x10,
  dirIndex: 0x20,
  sparseSuper2: 0x200,
  orphanFile: 0x1000,
} as const;
/** A reader that does not know one of these must leave the file system alone. */
export const incompatible = {
  compression: 0x1,
  filetype: 0x2,
  needsRecovery: 0x4,
  journalDevice: 0x8,
  metaBg: 0x10,
  extents: 0x40,
  bits64: 0x80,
  mmp: 0x100,
  flexBg: 0x200,
  eaInode: 0x400,
  checksumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;
/** A reader that does not know one of these may read but not write. */
export const readOnlyCompatible = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  btreeDir: 0x4,
  hugeFile: 0x8,
  groupChecksum: 0x10,
  dirNlink: 0x20,
  extraIsize: 0x40,
  metadataChecksum: 0x400,
  orphanPresent: 0x10000,
} as const;

/** The type byte of a directory entry (feature `filetype`). */
export const entryTypes = {
  file: 1,
  directory: 2,
  "character-device": 3,
  "block-device": 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

export const hashVersions = { halfMd4: 1 } as const;

export const inodeFlags = { encrypted: 0x800, index: 0x1000, extents: 0x80000, inlineData: 0x10000000 } as const;

export const superblock = struct("ext4 superblock", 1024, "little", {
  inodesCount: u32(0x0),
  blocksCount: u32(0x4),
  reservedBlocksCount: u32(0x8),
  freeBlocksCount: u32(0xc),
  freeInodesCount: u32(0x10),
  firstDataBlock: u32(0x14),
  logBlockSize: u32(0x18),
  logClusterSize: u32(0x1c),
  blocksPerGroup: u32(0x20),
  clustersPerGroup: u32(0x24),
  inodesPerGroup: u32(0x28),
  mountTime: u32(0x2c),
  writeTime: u32(0x30),
  mountCount: u16(0x34),
  maxMountCount: u16(0x36),
  magic: u16(0x38),
  state: u16(0x3a),
  errors: u16(0x3c),
  minorRevision: u16(0x3e),
  lastCheckTime: u32(0x40),
  checkInterval: u32(0x44),
  creatorOs: u32(0x48),
  revision: u32(0x4c),
  reservedUid: u16(0x50),
  reservedGid: u16(0x52),
  firstInode: u32(0x54),
  inodeSize: u16(0x58),
  blockGroupNumber: u16(0x5a),
  compatibleFeatures: u32(0x5c),
  incompatibleFeatures: u32(0x60),
  readOnlyCompatibleFeatures: u32(0x64),
  uuid: bytes(0x68, 16),
  volumeName: bytes(0x78, 16),
  lastMounted: ascii(0x88, 64),
  reservedDescriptorBlocks: u16(0xce),
  journalUuid: bytes(0xd0, 16),
  journalInode: u32(0xe0),
  lastOrphan: u32(0xe8),
  hashSeed: bytes(0xec, 16),
  defaultHashVersion: u8(0xfc),
  journalBackupType: u8(0xfd),
  descriptorSize: u16(0xfe),
  defaultMountOptions: u32(0x100),
  firstMetaGroup: u32(0x104),
  mkfsTime: u32(0x108),
  journalBlocks: bytes(0x10c, 68),
  blocksCountHigh: u32(0x150),
  freeBlocksCountHigh: u32(0x158),
  minExtraIsize: u16(0x15c),
  wantExtraIsize: u16(0x15e),
  flags: u32(0x160),
  log2GroupsPerFlex: u8(0x174),
  checksumType: u8(0x175),
  errorCount: u32(0x194),
  overheadBlocks: u32(0x248),
  backupGroup1: u32(0x24c),
  backupGroup2: u32(0x250),
  checksumSeed: u32(0x270),
  writeTimeHigh: u8(0x274),
  mkfsTimeHigh: u8(0x276),
  lastCheckTimeHigh: u8(0x277),
  checksum: u32(0x3fc),
});
export const superblockOffsetBytes = 1024;
export const superblockMagic = 0xef53;

const descriptorFields = {
  blockBitmap: u32(0x0),
  inodeBitmap: u32(0x4),
  inodeTable: u32(0x8),
  freeBlocksCount: u16(0xc),
  freeInodesCount: u16(0xe),
  usedDirsCount: u16(0x10),
  flags: u16(0x12),
  blockBitmapChecksum: u16(0x18),
  inodeBitmapChecksum: u16(0x1a),
  unusedInodesCount: u16(0x1c),
  checksum: u16(0x1e),
};
export const groupDescriptor = struct("ext4 group descriptor", 32, "little", descriptorFields);
/** With the feature `64bit`: the upper halves of everything follow. */
export const wideGroupDescriptor = struct("ext4 64-byte group descriptor", 64, "little", {
  ...descriptorFields,
  blockBitmapHigh: u32(0x20),
  inodeBitmapHigh: u32(0x24),
  inodeTableHigh: u32(0x28),
  freeBlocksCountHigh: u16(0x2c),
  freeInodesCountHigh: u16(0x2e),
  usedDirsCountHigh: u16(0x30),
  unusedInodesCountHigh: u16(0x32),
  blockBitmapChecksumHigh: u16(0x38),
  inodeBitmapChecksumHigh: u16(0x3a),
});

/** Of the 256 bytes, the first 128 are ext2's, then 32 more ("extra isize"), then room for extended attributes. */
export const inode = struct("ext4 inode", inodeSizeBytes, "little", {
  mode: u16(0x0),
  uid: u16(0x2),
  size: u32(0x4),
  accessTime: u32(0x8),
  changeTime: u32(0xc),
  modificationTime: u32(0x10),
  gid: u16(0x18),
  linksCount: u16(0x1a),
  sectors: u32(0x1c),
  flags: u32(0x20),
  block: bytes(0x28, 60),
  generation: u32(0x64),
  xattrBlock: u32(0x68),
  sizeHigh: u32(0x6c),
  sectorsHigh: u16(0x74),
  xattrBlockHigh: u16(0x76),
  uidHigh: u16(0x78),
  gidHigh: u16(0x7a),
  checksum: u16(0x7c),
  extraIsize: u16(0x80),
  checksumHigh: u16(0x82),
  changeTimeExtra: u32(0x84),
  modificationTimeExtra: u32(0x88),
  accessTimeExtra: u32(0x8c),
  creationTime: u32(0x90),
  creationTimeExtra: u32(0x94),
  xattrs: bytes(0xa0, 96),
});
export const extraIsizeBytes = 32;
export const inlineXattrBytes = inode.fields.xattrs.size;
export const inlineBlockBytes = inode.fields.block.size;

export const extentHeader = struct("ext4 extent header", 12, "little", {
  magic: u16(0x0),
  entries: u16(0x2),
  max: u16(0x4),
  depth: u16(0x6),
});
export const extentHeaderMagic = 0xf30a;

/** An extent of a leaf: at most 32768 blocks, more means "allocated but not written". */
export const extentLeaf = struct("ext4 extent", 12, "little", {
  logicalBlock: u32(0x0),
  blocks: u16(0x4),
  startHigh: u16(0x6),
  start: u32(0x8),
});
export const maxExtentBlocks = 32_768;

export const extentIndex = struct("ext4 extent index", 12, "little", {
  logicalBlock: u32(0x0),
  child: u32(0x4),
  childHigh: u16(0x8),
});

export const directoryEntryHeader = struct("ext4 directory entry", 8, "little", {
  inode: u32(0x0),
  recordBytes: u16(0x4),
  nameBytes: u8(0x6),
  type: u8(0x7),
});

/** With `metadata_csum`, the last entry of a block of a directory: unused, without a name, and of a type that is none. */
export const directoryTail = struct("ext4 directory block tail", 12, "little", {
  inode: u32(0x0),
  recordBytes: u16(0x4),
  nameBytes: u8(0x6),
  type: u8(0x7),
  checksum: u32(0x8),
});
export const directoryTailType = 0xde;
/** The same for the blocks of an index, behind the room for entries. */
export const indexTail = struct("ext4 directory index tail", 8, "little", { checksum: u32(0x4) });
/** And of a tree of extents, behind the room for entries. */
export const extentTail = struct("ext4 extent tail", 4, "little", { checksum: u32(0x0) });

/** Follows the entries `.` and `..` in the first block of an indexed directory. */
export const indexRootInfo = struct("ext4 directory index root", 8, "little", {
  hashVersion: u8(0x4),
  infoBytes: u8(0x5),
  indirectLevels: u8(0x6),
});
/** Takes the place of the first index entry's hash: that entry needs none. */
export const indexCounts = struct("ext4 directory index limit and count", 8, "little", {
  limit: u16(0x0),
  count: u16(0x2),
  block: u32(0x4),
});
export const indexEntry = struct("ext4 directory index entry", 8, "little", { hash: u32(0x0), block: u32(0x4) });

export const xattrBlockHeader = struct("ext4 xattr block header", 32, "little", {
  magic: u32(0x0),
  references: u32(0x4),
  blocks: u32(0x8),
  hash: u32(0xc),
  checksum: u32(0x10),
});
export const xattrMagic = 0xea020000;

export const xattrEntry = struct("ext4 xattr entry", 16, "little", {
  nameBytes: u8(0x0),
  nameIndex: u8(0x1),
  valueOffset: u16(0x2),
  /** Feature `ea_inode`: the inode that has the value, 0 for none. */
  valueInode: u32(0x4),
  valueBytes: u32(0x8),
  hash: u32(0xc),
});

export const journalSuperblock = struct("JBD2 superblock", 1024, "big", {
  magic: u32(0x0),
  blockType: u32(0x4),
  blockSize: u32(0xc),
  maxLength: u32(0x10),
  firstBlock: u32(0x14),
  sequence: u32(0x18),
  startBlock: u32(0x1c),
  uuid: bytes(0x30, 16),
  users: u32(0x40),
});
