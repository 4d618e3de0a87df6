import {
  dosHeader,
  fileHeader,
  machines,
  nxCompatible,
  optionalHeader,
  pe32Plus,
  sectionHeader,
} from "../../../src/build/boot/pe-format.ts";

interface ProgramOptions {
  readonly machine?: number;
  readonly isNxCompatible?: boolean;
  /** Room for the headers; what is not used is for further sections. */
  readonly headersBytes?: number;
}

/** A program for UEFI with headers and one section, that would not run. */
export function efiProgram(options: ProgramOptions = {}): Uint8Array {
  const { machine = machines.amd64, isNxCompatible = true, headersBytes = 1024 } = options;
  const bytes = new Uint8Array(headersBytes + 512).fill(0xcc, headersBytes);
  const directories = 16;
  const optionalHeaderBytes = optionalHeader.size + directories * 8;
  dosHeader.encodeInto(bytes, 0, { magic: "MZ", peOffset: 64 });
  fileHeader.encodeInto(bytes, 64, { signature: "PE", machine, sectionCount: 1, optionalHeaderBytes });
  const optionalAt = 64 + fileHeader.size;
  optionalHeader.encodeInto(bytes, optionalAt, {
    ...{ magic: pe32Plus, sectionAlignment: 4096, fileAlignment: 512, imageBytes: 8192, headersBytes },
    ...{ checksum: 0x1234, dllCharacteristics: isNxCompatible ? nxCompatible : 0, directoryCount: directories },
  });
  const section = { name: ".text", memoryBytes: 300, memoryAddress: 4096, fileBytes: 512, fileOffset: headersBytes };
  sectionHeader.encodeInto(bytes, optionalAt + optionalHeaderBytes, section);
  return bytes;
}
