import { type ByteSource, bytesSource, composeSource, type Piece, readAll } from "../../core/byte-source.ts";
import { fileHeader, nxCompatible, optionalHeader, sectionFlags, sectionHeader } from "./pe-format.ts";
import type { PeHeaders } from "./pe-reader.ts";

/** A section to be added to a program. */
export interface NewSection {
  /** At most 8 letters. */
  readonly name: string;
  readonly content: ByteSource;
  readonly isCode?: boolean | undefined;
}

/**
 * Adds sections behind a program's own, in memory and in the file; what is in them is not read. One that the program has already is replaced at its place.
 * The program must not be signed.
 *
 * @param isNxCompatible whether what is added keeps to it too that data is not executed
 * @returns undefined if there is no room: for so many headers, or at the place of a section that is replaced
 */
export function addSections(
  program: ByteSource,
  headers: PeHeaders,
  added: readonly NewSection[],
  isNxCompatible: boolean,
): ByteSource | undefined {
  const { file, optional, offsets, sections } = headers;
  const { sectionAlignment, fileAlignment } = optional;
  const own = new Map(sections.map((section, index) => [section.name, { section, index }]));
  const appended = added.filter(({ name }) => !own.has(name));
  const tableEnd = offsets.sections + (sections.length + appended.length) * sectionHeader.size;
  const firstContent = Math.min(
    ...sections.filter(({ fileBytes }) => fileBytes > 0).map(({ fileOffset }) => fileOffset),
  );
  if (tableEnd > Math.min(optional.headersBytes, firstContent)) return undefined;

  const bytes = readAll(program);
  for (const { name, content } of added) {
    const found = own.get(name);
    if (found === undefined) continue;
    const { section, index } = found;
    if (content.sizeBytes > section.fileBytes) return undefined;
    bytes.fill(0, section.fileOffset, section.fileOffset + section.fileBytes);
    bytes.set(readAll(content), section.fileOffset);
    const memoryBytes = content.sizeBytes;
    const at = offsets.sections + index * sectionHeader.size;
    new DataView(bytes.buffer).setUint32(at + sectionHeader.fields.memoryBytes.offset, memoryBytes, true);
  }
  const pieces: Piece[] = [];
  let memoryAt = Math.max(...sections.map(({ memoryAddress, memoryBytes }) => memoryAddress + memoryBytes));
  let fileAt = roundUp(bytes.length, fileAlignment);
  let headerAt = offsets.sections + sections.length * sectionHeader.size;
  let dataBytes = optional.initializedDataBytes;
  for (const { name, content, isCode = false } of appended) {
    const { sizeBytes } = content;
    const memoryAddress = roundUp(memoryAt, sectionAlignment);
    sectionHeader.encodeInto(bytes, headerAt, {
      ...{ name, memoryBytes: sizeBytes, memoryAddress },
      ...{ fileBytes: roundUp(sizeBytes, fileAlignment), fileOffset: fileAt },
      characteristics: sectionFlags.readable + (isCode ? sectionFlags.code : sectionFlags.initializedData),
    });
    pieces.push({ offsetBytes: fileAt, source: content });
    headerAt += sectionHeader.size;
    memoryAt = memoryAddress + sizeBytes;
    fileAt += roundUp(sizeBytes, fileAlignment);
    dataBytes += sizeBytes;
  }
  const put16 = (at: number, value: number) => new DataView(bytes.buffer).setUint16(at, value, true);
  const put32 = (at: number, value: number) => new DataView(bytes.buffer).setUint32(at, value, true);
  const optionalAt = (field: keyof typeof optionalHeader.fields) =>
    offsets.optional + optionalHeader.fields[field].offset;
  put16(offsets.file + fileHeader.fields.sectionCount.offset, file.sectionCount + appended.length);
  put32(optionalAt("initializedDataBytes"), dataBytes);
  put32(optionalAt("imageBytes"), roundUp(memoryAt, sectionAlignment));
  // Zero: not computed. UEFI does not look at it.
  put32(optionalAt("checksum"), 0);
  const characteristics = isNxCompatible ? optional.dllCharacteristics : optional.dllCharacteristics & ~nxCompatible;
  put16(optionalAt("dllCharacteristics"), characteristics);
  return composeSource(fileAt, [{ offsetBytes: 0, source: bytesSource(bytes) }, ...pieces]);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
