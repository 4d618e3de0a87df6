import {
  dataDirectory,
  dosHeader,
  fileHeader,
  pe32Plus,
  sectionHeader,
  securityDirectory,
} from "../build/boot/pe-format.ts";
import { type ByteSource, sliceSource } from "../core/byte-source.ts";

/** An EFI program, as far as its headers tell. */
export interface PeFile {
  readonly machine: string;
  /** By name; the first of each. */
  readonly sections: ReadonlyMap<string, ByteSource>;
  /** Whether there is a signature; nobody checks here whose it is. */
  readonly isSigned: boolean;
  /** Common names in its certificates, in their order. */
  readonly signers: readonly string[];
}

/** As they call themselves in file names and packages. */
const machineNames: Readonly<Record<number, string>> = {
  332: "x86",
  34404: "x86-64",
  448: "arm",
  450: "arm",
  452: "arm",
  43620: "arm64",
  20530: "riscv32",
  20580: "riscv64",
  25188: "loongarch64",
};

/** Programs of 32-bit machines are PE32, whose optional header is shorter: where the number of data directories stands, by magic. The directories follow. */
const directoryCountOffset: Readonly<Record<number, number>> = { [0x10b]: 92, [pe32Plus]: 108 };

const mostSections = 96;
const longestCertificateBytes = 1024 * 1024;

/** Undefined for what is no PE file. Never throws but for errors of the source. */
export function readPe(source: ByteSource): PeFile | undefined {
  const dos = at(source, 0, dosHeader.size);
  if (dos === undefined || dosHeader.decode(dos).magic !== "MZ") return undefined;
  const { peOffset } = dosHeader.decode(dos);
  const head = at(source, peOffset, fileHeader.size);
  if (head === undefined) return undefined;
  const { signature, machine, sectionCount, optionalHeaderBytes } = fileHeader.decode(head);
  const optionalOffset = peOffset + fileHeader.size;
  const optional = at(source, optionalOffset, optionalHeaderBytes);
  if (signature !== "PE" || optional === undefined || optional.length < 2) return undefined;
  const certificates = certificatesOf(source, optional, directoryCountOffset[optional.readUInt16LE(0)]);
  const sections = new Map<string, ByteSource>();
  for (let index = 0; index < Math.min(sectionCount, mostSections); index++) {
    const entry = at(source, optionalOffset + optional.length + index * sectionHeader.size, sectionHeader.size);
    if (entry === undefined) break;
    const { name, memoryBytes, fileBytes, fileOffset } = sectionHeader.decode(entry);
    // What is behind its size in memory only fills up the file's alignment.
    const size = memoryBytes > 0 ? Math.min(memoryBytes, fileBytes) : fileBytes;
    const isInside = fileOffset + size <= source.sizeBytes;
    if (isInside && !sections.has(name)) sections.set(name, sliceSource(source, fileOffset, size));
  }
  return {
    machine: machineNames[machine] ?? `machine 0x${machine.toString(16)}`,
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
  const entryOffset = countOffset + 4 + securityDirectory * dataDirectory.size;
  if (optional.readUInt32LE(countOffset) <= securityDirectory || optional.length < entryOffset + dataDirectory.size)
    return undefined;
  // This one's address is an offset in the file.
  const { address, sizeBytes } = dataDirectory.decode(optional, entryOffset);
  return sizeBytes === 0 ? undefined : at(source, address, Math.min(sizeBytes, longestCertificateBytes));
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
