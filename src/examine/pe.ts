import { type ByteSource, sliceSource } from "../core/byte-source.ts";
import {
  certificateTable,
  coffHeader,
  dataDirectory,
  directoryCountOffset,
  dosHeader,
  efiSubsystems,
  machineNames,
  optionalHeader,
  sectionHeader,
} from "./pe-format.ts";

/** An EFI program, as far as its headers tell. */
export interface PeFile {
  readonly machine: string;
  readonly isEfi: boolean;
  /** By name; the first of each. */
  readonly sections: ReadonlyMap<string, ByteSource>;
  /** Whether there is a signature; nobody checks here whose it is. */
  readonly isSigned: boolean;
  /** Common names in its certificates, in their order. */
  readonly signers: readonly string[];
}

const mostSections = 96;
const longestCertificateBytes = 1024 * 1024;

/** Undefined for what is no PE file. Never throws but for errors of the source. */
export function readPe(source: ByteSource): PeFile | undefined {
  const dos = at(source, 0, dosHeader.size);
  if (dos === undefined || dosHeader.decode(dos).magic !== "MZ") return undefined;
  const { peOffset } = dosHeader.decode(dos);
  const head = at(source, peOffset, coffHeader.size);
  if (head === undefined) return undefined;
  const coff = coffHeader.decode(head);
  if (Buffer.from(coff.signature).toString("latin1") !== "PE\0\0") return undefined;
  const optionalOffset = peOffset + coffHeader.size;
  const optional = at(source, optionalOffset, coff.optionalHeaderBytes);
  if (optional === undefined || optional.length < optionalHeader.size) return undefined;
  const { magic, subsystem } = optionalHeader.decode(optional);
  const certificates = certificatesOf(source, optional, directoryCountOffset[magic]);
  const sections = new Map<string, ByteSource>();
  for (let index = 0; index < Math.min(coff.sectionCount, mostSections); index++) {
    const entry = at(source, optionalOffset + optional.length + index * sectionHeader.size, sectionHeader.size);
    if (entry === undefined) break;
    const { name, virtualSize, rawSize, rawOffset } = sectionHeader.decode(entry);
    // What is behind the virtual size only fills up the file's alignment.
    const size = virtualSize > 0 ? Math.min(virtualSize, rawSize) : rawSize;
    const isInside = rawOffset + size <= source.sizeBytes;
    if (isInside && !sections.has(name)) sections.set(name, sliceSource(source, rawOffset, size));
  }
  return {
    machine: machineNames[coff.machine] ?? `machine 0x${coff.machine.toString(16)}`,
    isEfi: efiSubsystems.includes(subsystem),
    sections,
    isSigned: certificates !== undefined,
    signers: certificates === undefined ? [] : commonNames(certificates),
  };
}

/** Text of a section, up to its first NUL. */
export function sectionText(pe: PeFile, name: string, longestBytes = 64 * 1024): string | undefined {
  const section = pe.sections.get(name);
  if (section === undefined) return undefined;
  const text = at(section, 0, Math.min(section.sizeBytes, longestBytes)) as Buffer;
  const end = text.indexOf(0);
  return text.toString("utf8", 0, end < 0 ? text.length : end);
}

function certificatesOf(source: ByteSource, optional: Buffer, countOffset: number | undefined): Buffer | undefined {
  if (countOffset === undefined || optional.length < countOffset + 4) return undefined;
  const entryOffset = countOffset + 4 + certificateTable * dataDirectory.size;
  if (optional.readUInt32LE(countOffset) <= certificateTable || optional.length < entryOffset + dataDirectory.size)
    return undefined;
  const { offset, size } = dataDirectory.decode(optional, entryOffset);
  return size === 0 ? undefined : at(source, offset, Math.min(size, longestCertificateBytes));
}

/**
 * Values of the attribute commonName (OID 2.5.4.3) in DER, wherever it occurs: subject and issuer of each certificate, issuer of the signer. That
 * is no verification, only what a person wants to know first.
 */
function commonNames(der: Buffer): string[] {
  const oid = Buffer.from([0x06, 0x03, 0x55, 0x04, 0x03]);
  const names = new Set<string>();
  for (let found = der.indexOf(oid); found >= 0 && names.size < 16; found = der.indexOf(oid, found + 1)) {
    const [tag, length] = [der[found + 5], der[found + 6] ?? 0];
    const value = der.subarray(found + 7, found + 7 + length);
    // UTF8String, PrintableString, IA5String; BMPString is not seen in these.
    if ((tag === 0x0c || tag === 0x13 || tag === 0x16) && length < 0x80 && value.length === length)
      names.add(value.toString("utf8"));
  }
  return [...names];
}

function at(source: ByteSource, offsetBytes: number, lengthBytes: number): Buffer | undefined {
  if (offsetBytes + lengthBytes > source.sizeBytes) return undefined;
  const bytes = Buffer.alloc(lengthBytes);
  if (lengthBytes > 0) source.read(bytes, offsetBytes);
  return bytes;
}
