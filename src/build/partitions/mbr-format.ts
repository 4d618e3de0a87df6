import { bytes, struct, u8, u16, u32 } from "../../core/struct.ts";

export const sectorBytes = 512;
export const slotCount = 4;

/** The first sector. Layout as PCs have had it since 1983; the signature field is Windows NT's, Linux's PARTUUID is made of it. */
export const sectorStruct = struct("MBR", sectorBytes, "little", {
  bootCode: bytes(0, 440),
  diskSignature: u32(440),
  entries: bytes(446, slotCount * 16),
  bootSignature: u16(510),
});

export const entryStruct = struct("MBR entry", 16, "little", {
  status: u8(0),
  startChs: bytes(1, 3),
  type: u8(4),
  endChs: bytes(5, 3),
  startLba: u32(8),
  sectorCount: u32(12),
});

export const bootSignature = 0xaa55;
/** GRUB takes a table only if (status & 0x7F) is 0 in all entries: this is the only other value. */
export const active = 0x80;

export interface DecodedMbr {
  readonly bootCode: Uint8Array;
  readonly diskSignature: number;
  /** The slots in use, in slot order. */
  readonly partitions: readonly {
    readonly number: number;
    readonly bootable: boolean;
    readonly type: number;
    readonly startBytes: number;
    readonly sizeBytes: number;
  }[];
}

/** Reads a first sector back; undefined if it is none. */
export function decodeMbr(sector: Uint8Array): DecodedMbr | undefined {
  if (sector.length < sectorBytes) return undefined;
  const { bootCode, diskSignature, entries, bootSignature: ending } = sectorStruct.decode(sector);
  if (ending !== bootSignature) return undefined;
  const partitions = Array.from({ length: slotCount }, (_, index) => {
    const entry = entryStruct.decode(entries, index * entryStruct.size);
    return {
      number: index + 1,
      bootable: entry.status === active,
      type: entry.type,
      startBytes: entry.startLba * sectorBytes,
      sizeBytes: entry.sectorCount * sectorBytes,
    };
  });
  return { bootCode, diskSignature, partitions: partitions.filter((partition) => partition.type !== 0) };
}
