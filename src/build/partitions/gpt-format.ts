import { bytes, struct, u32, u64 } from "../../core/struct.ts";
import type { PartitionKind } from "./partition-table.ts";

/** "EFI PART" (UEFI 2.10, table 5.5). */
export const gptSignature = new TextEncoder().encode("EFI PART");
export const gptRevision = 0x00010000;
export const headerBytes = 92;

/** UEFI 2.10, section 5.3.2. Its CRC is computed with the field itself zero. */
export const gptHeader = struct("GPT header", headerBytes, "little", {
  signature: bytes(0, 8),
  revision: u32(8),
  headerSize: u32(12),
  headerCrc: u32(16),
  myLba: u64(24),
  alternateLba: u64(32),
  firstUsableLba: u64(40),
  lastUsableLba: u64(48),
  diskGuid: bytes(56, 16),
  entriesLba: u64(72),
  entryCount: u32(80),
  entrySize: u32(84),
  entriesCrc: u32(88),
});

/** UEFI 2.10, section 5.3.3. The name is UTF-16LE, padded with zeros. */
export const gptEntry = struct("GPT entry", 128, "little", {
  type: bytes(0, 16),
  guid: bytes(16, 16),
  firstLba: u64(32),
  lastLba: u64(40),
  attributes: bytes(48, 8),
  name: bytes(56, 72),
});

/** The least that firmware must accept, and what everybody writes: 128 entries of 128 bytes. */
export const entryCount = 128;
/** Bit 2: "legacy BIOS bootable" (UEFI 2.10, table 5.8). */
export const bootableAttribute = 0b100;

export const gptTypes: Readonly<Record<PartitionKind, string>> = {
  linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  esp: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  "bios-boot": "21686148-6449-6e6f-744e-656564454649",
  fat: "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
  swap: "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
};
