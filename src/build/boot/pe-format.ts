import { ascii, bytes, struct, u16, u32 } from "../../core/struct.ts";

/** Programs for UEFI: PE32+ (Microsoft, "PE Format"). Only the fields that matter to us are named. */
export const dosHeader = struct("DOS header", 64, "little", { magic: ascii(0, 2), peOffset: u32(0x3c) });

/** Signature and COFF file header. */
export const fileHeader = struct("PE file header", 24, "little", {
  signature: ascii(0, 4),
  machine: u16(4),
  sectionCount: u16(6),
  timeStamp: u32(8),
  optionalHeaderBytes: u16(20),
  characteristics: u16(22),
});

/** Offsets count from the end of the file header. The data directories that follow it have 8 bytes each. */
export const optionalHeader = struct("PE32+ optional header", 112, "little", {
  magic: u16(0),
  initializedDataBytes: u32(8),
  entryPoint: u32(16),
  imageBase: bytes(24, 8),
  sectionAlignment: u32(32),
  fileAlignment: u32(36),
  imageBytes: u32(56),
  headersBytes: u32(60),
  checksum: u32(64),
  subsystem: u16(68),
  dllCharacteristics: u16(70),
  directoryCount: u32(108),
});

export const dataDirectory = struct("PE data directory", 8, "little", { address: u32(0), sizeBytes: u32(4) });

export const sectionHeader = struct("PE section header", 40, "little", {
  name: ascii(0, 8),
  memoryBytes: u32(8),
  memoryAddress: u32(12),
  fileBytes: u32(16),
  fileOffset: u32(20),
  characteristics: u32(36),
});

export const pe32Plus = 0x20b;
/** Number of the data directory that says where signatures are. */
export const securityDirectory = 4;
/** It runs where data is not executable and code is not writable. */
export const nxCompatible = 0x0100;
export const sectionFlags = { code: 0x20, initializedData: 0x40, readable: 0x40000000 } as const;
export const machines = { amd64: 0x8664, arm64: 0xaa64, riscv64: 0x5064 } as const;
