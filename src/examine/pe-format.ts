import { ascii, bytes, struct, u16, u32 } from "../core/struct.ts";

/** Microsoft, "PE Format". All little-endian. */
export const dosHeader = struct("DOS header", 64, "little", { magic: ascii(0, 2), peOffset: u32(0x3c) });

export const coffHeader = struct("COFF header", 24, "little", {
  signature: bytes(0, 4),
  machine: u16(4),
  sectionCount: u16(6),
  optionalHeaderBytes: u16(20),
});

/** The parts of the optional header that PE32 and PE32+ have at the same place. */
export const optionalHeader = struct("PE optional header", 72, "little", { magic: u16(0), subsystem: u16(68) });

export const magic = { pe32: 0x10b, pe32Plus: 0x20b };
/** Where the number of data directories stands, by magic; the directories follow. */
export const directoryCountOffset = { [magic.pe32]: 92, [magic.pe32Plus]: 108 } as const;

export const dataDirectory = struct("PE data directory", 8, "little", { offset: u32(0), size: u32(4) });
/** Its offset is one in the file, not in memory. */
export const certificateTable = 4;

export const sectionHeader = struct("PE section", 40, "little", {
  name: ascii(0, 8),
  virtualSize: u32(8),
  rawSize: u32(16),
  rawOffset: u32(20),
});

export const machineNames: Readonly<Record<number, string>> = {
  332: "x86",
  34404: "x86-64",
  448: "arm",
  452: "arm",
  43620: "arm64",
  20530: "riscv32",
  20580: "riscv64",
  25188: "loongarch64",
};

/** Applications, drivers of boot and run time. */
export const efiSubsystems: readonly number[] = [10, 11, 12];
