import { ascii, bytes, struct, u8, u16, u32 } from "../../core/struct.ts";
import { sectorBytes } from "./iso9660-format.ts";

/** Structures of "El Torito" Bootable CD-ROM Format Specification, version 1.0 (Phoenix and IBM, 1995). Everything is little-endian. */
export const bootRecordStruct = struct("El Torito boot record", sectorBytes, "little", {
  type: u8(0),
  standardId: ascii(1, 5),
  version: u8(6),
  bootSystemId: ascii(7, 32),
  catalogSector: u32(71),
});

/** Among the volume descriptors. */
export const bootRecordType = 0;
export const bootSystemId = "EL TORITO SPECIFICATION";

export const catalogEntryBytes = 32;

/** The first entry of the catalog. */
export const validationEntryStruct = struct("El Torito validation entry", catalogEntryBytes, "little", {
  headerId: u8(0),
  platform: u8(1),
  id: bytes(4, 24),
  /** So that all sixteen words of the entry add up to zero. */
  checksum: u16(28),
  key: u16(30),
});

export const validationKey = 0xaa55;
export const platforms = { bios: 0x00, powerPc: 0x01, mac: 0x02, efi: 0xef } as const;

/** The second entry, and those of sections. */
export const bootEntryStruct = struct("El Torito boot entry", catalogEntryBytes, "little", {
  indicator: u8(0),
  /** 0 is "no emulation". */
  media: u8(1),
  loadSegment: u16(2),
  systemType: u8(4),
  /** Virtual sectors of 512 bytes. */
  loadSectors: u16(6),
  startSector: u32(8),
  selectionType: u8(12),
  selection: bytes(13, 19),
});

export const bootIndicators = { bootable: 0x88, notBootable: 0x00, extension: 0x44 } as const;
export const virtualSectorBytes = 512;

export const sectionHeaderStruct = struct("El Torito section header", catalogEntryBytes, "little", {
  indicator: u8(0),
  platform: u8(1),
  entries: u16(2),
  id: bytes(4, 28),
});

export const sectionIndicators = { more: 0x90, last: 0x91 } as const;

/** The sum of the words of an entry, modulo 2^16. */
export function sumOfWords(entry: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at + 1 < entry.length; at += 2) sum += (entry[at] as number) | ((entry[at + 1] as number) << 8);
  return sum & 0xffff;
}
