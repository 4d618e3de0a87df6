import { bytes, struct, u8, u16, u32, u64big } from "../../core/struct.ts";

/** VMware's "Virtual Disk Format 5.0" (2011): hosted sparse extents, little-endian; sizes and places in sectors. */
export const headerStruct = struct("VMDK sparse extent header", 512, "little", {
  magic: u32(0),
  version: u32(4),
  flags: u32(8),
  capacity: u64big(12),
  grainSize: u64big(20),
  descriptorOffset: u64big(28),
  descriptorSize: u64big(36),
  tableEntries: u32(44),
  redundantDirectoryOffset: u64big(48),
  directoryOffset: u64big(56),
  overhead: u64big(64),
  uncleanShutdown: u8(72),
  lineEnds: bytes(73, 4),
  compression: u16(77),
});

/** In front of a compressed grain: `value` is its place on the disk, `size` that of its data, which follows right behind. */
export const grainMarkerStruct = struct("VMDK grain marker", 12, "little", { value: u64big(0), size: u32(8) });

/** In front of tables and the footer: `size` is 0, `value` the sectors that follow. Of type 0, all zeros, it ends the stream. */
export const markerStruct = struct("VMDK marker", 512, "little", { value: u64big(0), size: u32(8), type: u32(12) });

/** "KDMV" */
export const magic = 0x564d444b;
/** What VMware writes for compressed grains. */
export const streamVersion = 3;
export const flags = {
  validLineEnds: 1,
  redundantTable: 2,
  zeroGrains: 4,
  compressed: 0x10000,
  markers: 0x20000,
} as const;
/** Whoever transfers the file as text changes these, and the header shows it. */
export const lineEnds = Uint8Array.from(Buffer.from("\n \r\n"));
export const deflateCompression = 1;
export const markerTypes = { endOfStream: 0, table: 1, directory: 2, footer: 3 } as const;
/** The directory's place is in the footer, because only the end of a stream knows it. */
export const atTheEnd = 0xffff_ffff_ffff_ffffn;
export const tableEntries = 512;
/** Entries of a table: not stored; zeros, if the header's flags say so. */
export const noGrain = 0;
export const zeroGrain = 1;
export const sectorBytes = 512;
export const grainBytes = 65536;
