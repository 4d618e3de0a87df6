import { inodeSeed, setInodeChecksum } from "./ext4-checksums.ts";
import { blockSizeBytes, extraIsizeBytes, inode as inodeStruct } from "./ext4-format.ts";
import type { Inode } from "./ext4-inodes.ts";
import { encodeMappingRoot } from "./ext4-map-runs.ts";
import { countMapped, type Mapping } from "./ext4-mapping.ts";

/** Where the parts of an inode lie outside the inode table. */
export interface InodePlace {
  readonly mapping: Mapping | undefined;
  /** Block of its extended attributes; 0 for none. */
  readonly xattrBlock: number;
  /** The file system's; undefined if there are no checksums. */
  readonly checksumSeed: number | undefined;
}

const sectorsPerBlock = blockSizeBytes / 512;

export function encodeInode(target: Uint8Array, offset: number, inode: Inode, place: InodePlace): void {
  const mapped = place.mapping === undefined ? 0 : countMapped(place.mapping);
  const block = place.mapping === undefined ? inode.inlineBlock : encodeMappingRoot(place.mapping);
  encodeRawInode(target, offset, inode, {
    ...(block === undefined ? {} : { block }),
    sectors: (mapped + (place.xattrBlock === 0 ? 0 : 1)) * sectorsPerBlock,
    xattrBlock: place.xattrBlock,
    checksumSeed: place.checksumSeed,
  });
}

/** As `encodeInode` for an inode whose `i_block` and count of 512-byte sectors the caller knows. */
export function encodeRawInode(
  target: Uint8Array,
  offset: number,
  inode: Inode,
  {
    block,
    sectors,
    xattrBlock,
    checksumSeed,
  }: { block?: Uint8Array; sectors: number; xattrBlock: number; checksumSeed: number | undefined },
): void {
  const { time, timeExtra } = splitTime(inode.time);
  inodeStruct.encodeInto(target, offset, {
    mode: inode.mode,
    uid: inode.uid % 2 ** 16,
    uidHigh: Math.floor(inode.uid / 2 ** 16),
    gid: inode.gid % 2 ** 16,
    gidHigh: Math.floor(inode.gid / 2 ** 16),
    size: inode.sizeBytes % 2 ** 32,
    sizeHigh: Math.floor(inode.sizeBytes / 2 ** 32),
    accessTime: time,
    accessTimeExtra: timeExtra,
    changeTime: time,
    changeTimeExtra: timeExtra,
    modificationTime: time,
    modificationTimeExtra: timeExtra,
    creationTime: time,
    creationTimeExtra: timeExtra,
    linksCount: inode.links,
    sectors: sectors % 2 ** 32,
    sectorsHigh: Math.floor(sectors / 2 ** 32),
    flags: inode.flags,
    xattrBlock,
    extraIsize: extraIsizeBytes,
    ...(block === undefined ? {} : { block }),
    ...(inode.inlineXattrs === undefined ? {} : { xattrs: inode.inlineXattrs }),
  });
  if (checksumSeed !== undefined)
    setInodeChecksum(target.subarray(offset, offset + inodeStruct.size), inodeSeed(checksumSeed, inode.number));
}

/** 32 bits as a signed number, and how often 2^32 is to be added, in the two low bits of the extra field (feature extra_isize). */
function splitTime(seconds: number): { time: number; timeExtra: number } {
  return { time: seconds >>> 0, timeExtra: Math.floor((seconds - (seconds | 0)) / 2 ** 32) };
}
