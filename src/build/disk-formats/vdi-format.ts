import { ascii, bytes, struct, u32, u64big } from "../../core/struct.ts";

/** Version 1.1, from VirtualBox's src/VBox/Storage/VDICore.h (VDIPREHEADER and VDIHEADER1PLUS) and QEMU's block/vdi.c: little-endian. */
export const headerStruct = struct("VDI header", 512, "little", {
  text: ascii(0x00, 64),
  signature: u32(0x40),
  version: u32(0x44),
  /** Counts from this field on. */
  headerSize: u32(0x48),
  imageType: u32(0x4c),
  imageFlags: u32(0x50),
  description: bytes(0x54, 256),
  mapOffset: u32(0x154),
  dataOffset: u32(0x158),
  cylinders: u32(0x15c),
  heads: u32(0x160),
  sectorsPerTrack: u32(0x164),
  sectorSize: u32(0x168),
  diskSize: u64big(0x170),
  blockSize: u32(0x178),
  blockExtra: u32(0x17c),
  blocksInImage: u32(0x180),
  blocksAllocated: u32(0x184),
  imageUuid: bytes(0x188, 16),
  lastSnapshotUuid: bytes(0x198, 16),
  linkUuid: bytes(0x1a8, 16),
  parentUuid: bytes(0x1b8, 16),
  biosCylinders: u32(0x1c8),
  biosHeads: u32(0x1cc),
  biosSectorsPerTrack: u32(0x1d0),
  biosSectorSize: u32(0x1d4),
});

export const headerText = "<<< Oracle VM VirtualBox Disk Image >>>\n";
export const signature = 0xbeda107f;
export const version = 0x00010001;
export const headerSize = 0x190;
export const imageTypes = { dynamic: 1, static: 2, undo: 3, differencing: 4 } as const;
export const sectorBytes = 512;
/** The only size that QEMU takes. */
export const blockBytes = 1024 ** 2;
/** Entries of the block map that are no number of a stored block. */
export const notStored = 0xffffffff;
export const zeroBlock = 0xfffffffe;
/** QEMU's limit, a PiB less a block. */
export const mostBlocks = 0x3fffffff;
