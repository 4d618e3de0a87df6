import { decodeUtf8 } from "../initializer/bytes.ts";
import { type FileReader, largestFileBytes, readerOf } from "./file-reader.ts";
import type { ByteReader } from "./volume-label.ts";

/**
 * Reads files of an ISO 9660 disc without mounting it: that would take two programs, two or three kernel modules, and a kernel that has them. Names come from Joliet if the
 * disc has it, else from Rock Ridge, else from plain ISO 9660 in lower case. ECMA-119; the Joliet Specification (Microsoft); SUSP and RRIP, IEEE P1281 and P1282.
 *
 * @returns undefined if the disc has no readable root directory
 */
export function openIso(read: ByteReader): FileReader | undefined {
  const volume = chooseVolume(read);
  return (
    volume &&
    readerOf<Entry>({
      root: volume.root,
      ignoresCase: false,
      entriesOf: (directory) => readDirectory(read, directory, volume.isJoliet),
      contentOf: (file) => readExtent(read, file),
    })
  );
}

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sector: number;
  readonly sizeBytes: number;
}

const sectorBytes = 2048;
const mostDescriptors = 16;

/** Volume descriptors start in sector 16: type 1 is the primary one, type 2 with these escape sequences is Joliet's, 255 ends them. */
function chooseVolume(read: ByteReader): { root: Entry; isJoliet: boolean } | undefined {
  let primary: Entry | undefined;
  for (let index = 0; index < mostDescriptors; index++) {
    const bytes = read((16 + index) * sectorBytes, 190);
    if (bytes === undefined || bytes.length < 190 || latin1(bytes.subarray(1, 6)) !== "CD001" || bytes[0] === 255)
      break;
    const root = readRecord(bytes.subarray(156, 190), false);
    if (root === undefined) continue;
    if (bytes[0] === 2 && ["%/@", "%/C", "%/E"].includes(latin1(bytes.subarray(88, 91))))
      return { root, isJoliet: true };
    if (bytes[0] === 1) primary = root;
  }
  return primary && { root: primary, isJoliet: false };
}

function readExtent(read: ByteReader, { sector, sizeBytes }: Entry): Uint8Array | undefined {
  if (sizeBytes > largestFileBytes) return undefined;
  const bytes = read(sector * sectorBytes, sizeBytes);
  return bytes?.length === sizeBytes ? bytes : undefined;
}

/** Records do not cross sectors; a length of zero says that the rest of the sector is empty. The first two are the directory and its parent. */
function readDirectory(read: ByteReader, directory: Entry, isJoliet: boolean): Entry[] {
  const bytes = readExtent(read, directory) ?? new Uint8Array();
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] as number;
    if (length === 0) at = (Math.floor(at / sectorBytes) + 1) * sectorBytes;
    else {
      const entry = readRecord(bytes.subarray(at, at + length), isJoliet);
      if (entry !== undefined && entry.name !== "\0" && entry.name !== "\x01") entries.push(entry);
      at += length;
    }
  }
  return entries;
}

/** ECMA-119 section 9.1. Numbers stand twice; the little-endian ones come first. */
function readRecord(record: Uint8Array, isJoliet: boolean): Entry | undefined {
  const nameBytes = record[32];
  if (nameBytes === undefined || record.length < 33 + nameBytes) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const raw = record.subarray(33, 33 + nameBytes);
  const isSpecial = nameBytes === 1;
  const plain = () => latin1(raw).replace(/;\d+$/, "").replace(/\.$/, "").toLowerCase();
  const name = isSpecial
    ? latin1(raw)
    : isJoliet
      ? ucs2(raw).replace(/;\d+$/, "")
      : (rockRidgeName(record.subarray(33 + nameBytes + ((nameBytes + 1) % 2))) ?? plain());
  return {
    name,
    isDirectory: ((record[25] as number) & 2) !== 0,
    sector: view.getUint32(2, true),
    sizeBytes: view.getUint32(10, true),
  };
}

/** NM entries of the system use area: two letters, length, version, flags, a piece of the name. */
function rockRidgeName(area: Uint8Array): string | undefined {
  let name: string | undefined;
  for (let at = 0; at + 4 <= area.length; ) {
    const length = area[at + 2] as number;
    if (length < 4) break;
    if (latin1(area.subarray(at, at + 2)) === "NM" && length > 5)
      name = (name ?? "") + decodeUtf8(area.subarray(at + 5, at + length));
    at += length;
  }
  return name;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function ucs2(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2)
    text += String.fromCharCode(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  return text;
}
