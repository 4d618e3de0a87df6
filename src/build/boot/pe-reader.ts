import { type ByteSource, readAll, sliceSource } from "../../core/byte-source.ts";
import {
  dataDirectory,
  dosHeader,
  fileHeader,
  optionalHeader,
  pe32Plus,
  sectionHeader,
  securityDirectory,
} from "./pe-format.ts";

export type PeSection = ReturnType<typeof sectionHeader.decode>;

/** The headers of a program for UEFI. */
export interface PeHeaders {
  readonly file: ReturnType<typeof fileHeader.decode>;
  readonly optional: ReturnType<typeof optionalHeader.decode>;
  /** Where each of them begins in the file. */
  readonly offsets: { readonly file: number; readonly optional: number; readonly sections: number };
  readonly sections: readonly PeSection[];
  readonly isSigned: boolean;
}

/** No header of a program ends beyond. */
const headersLimitBytes = 64 * 1024;

/** Undefined if the file is no PE32+ program. */
export function readPe(source: ByteSource): PeHeaders | undefined {
  const head = readAll(sliceSource(source, 0, Math.min(source.sizeBytes, headersLimitBytes)));
  try {
    const dos = dosHeader.decode(head);
    if (dos.magic !== "MZ") return undefined;
    const at = dos.peOffset;
    const file = fileHeader.decode(head, at);
    const optionalAt = at + fileHeader.size;
    const optional = optionalHeader.decode(head, optionalAt);
    // Its two last letters are NUL.
    if (file.signature !== "PE" || optional.magic !== pe32Plus) return undefined;
    const sectionsAt = optionalAt + file.optionalHeaderBytes;
    const sections = Array.from({ length: file.sectionCount }, (_, index) =>
      sectionHeader.decode(head, sectionsAt + index * sectionHeader.size),
    );
    const securityAt = optionalAt + optionalHeader.size + securityDirectory * dataDirectory.size;
    const hasSecurity = optional.directoryCount > securityDirectory;
    const isSigned = hasSecurity && dataDirectory.decode(head, securityAt).sizeBytes > 0;
    return { file, optional, offsets: { file: at, optional: optionalAt, sections: sectionsAt }, sections, isSigned };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The content of a section, without what pads it in the file; undefined if there is none of that name. */
export function readSection(source: ByteSource, { sections }: PeHeaders, name: string): Uint8Array | undefined {
  const section = sections.find((candidate) => candidate.name === name);
  if (section === undefined) return undefined;
  const sizeBytes = Math.min(section.memoryBytes, section.fileBytes);
  if (section.fileOffset + sizeBytes > source.sizeBytes) return undefined;
  return readAll(sliceSource(source, section.fileOffset, sizeBytes));
}
