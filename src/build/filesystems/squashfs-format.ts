import { type Field, struct, u16, u32, u64 } from "../../core/struct.ts";
import type { Node } from "../../core/tree.ts";

/** squashfs 4.0 as Linux reads it: Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h. All numbers are little-endian. */
export const superblock = struct("squashfs superblock", 96, "little", {
  magic: u32(0),
  inodes: u32(4),
  time: u32(8),
  blockBytes: u32(12),
  fragments: u32(16),
  compressor: u16(20),
  blockLog: u16(22),
  flags: u16(24),
  ids: u16(26),
  major: u16(28),
  minor: u16(30),
  /** A reference, see `reference`. */
  root: u64(32),
  bytesUsed: u64(40),
  idTable: u64(48),
  xattrTable: tableStart(56),
  inodeTable: u64(64),
  directoryTable: u64(72),
  fragmentTable: tableStart(80),
  exportTable: tableStart(88),
});

export const magic = 0x73717368;
/** The order of mksquashfs's -comp names. */
export const compressors = ["gzip", "lzma", "lzo", "xz", "lz4", "zstd"] as const;
export type CompressorName = (typeof compressors)[number];

export const superblockFlags = {
  inodesStored: 0x001,
  dataStored: 0x002,
  fragmentsStored: 0x008,
  noFragments: 0x010,
  alwaysFragments: 0x020,
  duplicatesMerged: 0x040,
  exportable: 0x080,
  xattrsStored: 0x100,
  noXattrs: 0x200,
  compressorOptions: 0x400,
  idsStored: 0x800,
} as const;

/** Metadata is cut into blocks of so many bytes, each compressed behind a header of 16 bits. */
export const metadataBytes = 8192;
export const metadataStored = 0x8000;
/** In the size of a data block: stands there as it was. A size of 0 is a block of zeros. */
export const dataStored = 1 << 24;

/** How long a block is of which this is the size. */
export function dataLength(size: number): number {
  return (size & ~dataStored) >>> 0;
}

export const minBlockBytes = 4096;
export const maxBlockBytes = 2 ** 20;
export const none = 0xffffffff;
export const maxNameBytes = 256;
/** Ids in use, of users and groups together: the superblock counts them in 16 bits. */
export const maxIds = 65535;
export const paddingBytes = 4096;

/** Where something is in metadata: a block, counted in bytes from its table's start, and a byte in it. */
export interface Place {
  readonly block: number;
  readonly offset: number;
}

/** A place as one number. */
export function reference({ block, offset }: Place): number {
  return block * 65536 + offset;
}

export function placeOf(value: number): Place {
  return { block: Math.floor(value / 65536), offset: value % 65536 };
}

/** What every inode begins with. */
export const inodeHeader = struct("squashfs inode", 16, "little", {
  type: u16(0),
  /** Permissions only. */
  mode: u16(2),
  /** Indexes into the table of ids. */
  user: u16(4),
  group: u16(6),
  time: u32(8),
  number: u32(12),
});

/** By the type in a directory's entries; an inode of the long form has this number more. */
export const types = {
  directory: 1,
  file: 2,
  symlink: 3,
  "block-device": 4,
  "character-device": 5,
  fifo: 6,
  socket: 7,
} as const satisfies Record<Node["type"], number>;
export const longTypes = 7;

/** The rest of each inode, from behind the header. The sizes of a file's blocks, a link's target and a directory's index follow it. */
export const directoryInode = struct("squashfs directory", 16, "little", {
  block: u32(0),
  links: u32(4),
  /** Three more than there are: as if "." and ".." took them. */
  listingBytes: u16(8),
  offset: u16(10),
  parent: u32(12),
});
export const longDirectoryInode = struct("squashfs long directory", 24, "little", {
  links: u32(0),
  listingBytes: u32(4),
  block: u32(8),
  parent: u32(12),
  indexEntries: u16(16),
  offset: u16(18),
  xattrs: u32(20),
});
export const fileInode = struct("squashfs file", 16, "little", {
  start: u32(0),
  fragment: u32(4),
  fragmentOffset: u32(8),
  sizeBytes: u32(12),
});
export const longFileInode = struct("squashfs long file", 40, "little", {
  start: u64(0),
  sizeBytes: u64(8),
  /** Bytes in blocks of zeros, which the kernel takes from the room that it says the file takes. */
  sparseBytes: u64(16),
  links: u32(24),
  fragment: u32(28),
  fragmentOffset: u32(32),
  xattrs: u32(36),
});
export const symlinkInode = struct("squashfs symbolic link", 8, "little", { links: u32(0), targetBytes: u32(4) });
export const deviceInode = struct("squashfs device", 8, "little", { links: u32(0), device: u32(4) });
export const longDeviceInode = struct("squashfs long device", 12, "little", {
  links: u32(0),
  device: u32(4),
  xattrs: u32(8),
});
export const specialInode = struct("squashfs special file", 4, "little", { links: u32(0) });
export const longSpecialInode = struct("squashfs long special file", 8, "little", { links: u32(0), xattrs: u32(4) });

/** In a directory's listing: entries whose inodes are in one block and have numbers close to one another share a header. */
export const listingHeader = struct("squashfs directory header", 12, "little", {
  /** One less than there are. */
  entries: u32(0),
  block: u32(4),
  number: u32(8),
});
export const maxEntriesPerHeader = 256;
export const listingEntry = struct("squashfs directory entry", 8, "little", {
  offset: u16(0),
  /** Signed; what the inode's number is more than the header's. */
  numberDelta: i16(2),
  type: u16(4),
  /** One less than there are. */
  nameBytes: u16(6),
});
/** Behind a long directory: which header, in which block of metadata, begins with which name. */
export const indexEntry = struct("squashfs directory index", 12, "little", {
  /** Bytes of the listing before the header. */
  listingOffset: u32(0),
  block: u32(4),
  /** One less than there are. */
  nameBytes: u32(8),
});

export const fragmentEntry = struct("squashfs fragment", 16, "little", { start: u64(0), size: u32(8) });

/** Name spaces of extended attributes by the number that stands for them. */
export const xattrPrefixes = ["user.", "trusted.", "security."] as const;
export const xattrEntry = struct("squashfs attribute", 4, "little", { type: u16(0), nameBytes: u16(2) });
/** In the type: instead of the value stands a reference to where it is. */
export const xattrElsewhere = 0x100;
export const xattrId = struct("squashfs attributes of an inode", 16, "little", {
  place: u64(0),
  entries: u32(8),
  /** Bytes of their names, with prefix and NUL. */
  namesBytes: u32(12),
});
export const xattrTableHeader = struct("squashfs attribute table", 16, "little", { start: u64(0), ids: u32(8) });

/** Linux 2.6's numbers of devices: linux/kdev_t.h, new_encode_dev. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** Where a table begins; all bits are set if there is none. */
function tableStart(offset: number): Field<number | undefined> {
  const missing = 2n ** 64n - 1n;
  const plain = u64(offset);
  return {
    ...plain,
    zero: undefined,
    put: (view, at, value, little) =>
      value === undefined ? view.setBigUint64(at, missing, little) : plain.put(view, at, value, little),
    take: (view, at, little) => (view.getBigUint64(at, little) === missing ? undefined : plain.take(view, at, little)),
  };
}

function i16(offset: number): Field<number> {
  return {
    offset,
    size: 2,
    zero: 0,
    put(view, at, value, little) {
      if (!Number.isInteger(value) || value < -32768 || value > 32767)
        throw new RangeError(`${value} is not a signed 16-bit number`);
      view.setInt16(at, value, little);
    },
    take: (view, at, little) => view.getInt16(at, little),
  };
}
