import { readAll, sliceSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { decodeName } from "../../core/names.ts";
import type { ImageFile } from "./image-reader.ts";
import {
  compatible,
  extensionStruct,
  extensionTypes,
  featureNameBytes,
  featureNameStruct,
  header2Struct,
  header3Struct,
  incompatible,
  largestClusterBits,
  largestL1Bytes,
  plainHeader3Bytes,
  smallestClusterBits,
} from "./qcow2-format.ts";

/** What a header says, checked against the file. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterBits: number;
  readonly clusterBytes: number;
  readonly sizeBytes: number;
  readonly l1: { readonly offsetBytes: number; readonly entries: number };
  readonly l2EntryBytes: 8 | 16;
  /** Extended L2: parts of a cluster that are there or not by themselves; 1 without. */
  readonly subclusters: 1 | 32;
  readonly compression: "zlib" | "zstd";
  readonly refcountBits: number;
  readonly backing: { readonly name: string; readonly format: string | undefined } | undefined;
  /** Name of the file that has the data, if that is another one. */
  readonly dataFile: string | undefined;
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  readonly hasLazyRefcounts: boolean;
  readonly hasBitmaps: boolean;
  readonly snapshots: { readonly count: number; readonly offsetBytes: number };
}

/** QEMU takes no longer name. */
const longestBackingName = 1023;

/** Errors: `image/damaged`, `image/unsupported`. */
export function readQcow2Header(file: ImageFile): Qcow2Header {
  const { path, source } = file;
  const damaged = (reason: string): never => fail("image/damaged", `cannot read ${path}: ${reason}`);
  const unsupported = (reason: string, hint?: string): never =>
    fail("image/unsupported", `cannot read ${path}: ${reason}`, hint === undefined ? {} : { hint });

  const head = readAll(sliceSource(source, 0, Math.min(source.sizeBytes, header3Struct.size)));
  if (head.length < header2Struct.size) damaged("its qcow2 header is cut short");
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) unsupported(`its qcow2 version is ${version}`, "versions 2 and 3 are known");
  if (version === 3 && head.length < plainHeader3Bytes) damaged("its qcow2 header is cut short");
  const padded = new Uint8Array(header3Struct.size);
  padded.set(version === 2 ? head.subarray(0, header2Struct.size) : head);
  const header = decodeHeader(padded, damaged);
  const { clusterBits, sizeBytes } = header;
  if (clusterBits < smallestClusterBits || clusterBits > largestClusterBits)
    damaged(`clusters of 2^${clusterBits} bytes do not exist`);
  const clusterBytes = 2 ** clusterBits;
  const headerBytes = version === 2 ? header2Struct.size : header.headerLength;
  if (version === 3 && (headerBytes < plainHeader3Bytes || headerBytes > clusterBytes || headerBytes % 8 !== 0))
    damaged(`its header cannot be ${headerBytes} bytes long`);
  if (version === 3 && header.refcountOrder > 6) damaged(`refcounts of 2^${header.refcountOrder} bits do not exist`);

  const firstCluster = readAll(sliceSource(source, 0, Math.min(source.sizeBytes, clusterBytes)));
  const backingName = backingNameOf(firstCluster, header, damaged);
  const extensionsEnd = header.backingFileOffset > 0 ? header.backingFileOffset : clusterBytes;
  const extensions = readExtensions(firstCluster.subarray(0, extensionsEnd), headerBytes, damaged);

  const features = header.incompatibleFeatures;
  const known = Object.values(incompatible).reduce((bits, bit) => bits | bit, 0);
  if (header.incompatibleHigh !== 0 || (features & ~known) !== 0)
    unsupported(`it needs features that are not known here: ${unknownFeatures(header, known, extensions)}`);
  if (header.cryptMethod !== 0 || extensions.has(extensionTypes.cryptoHeader))
    unsupported(
      `it is encrypted (${["", "AES", "LUKS"][header.cryptMethod] || "unknown method"})`,
      "decrypt it with qemu-img convert, which can ask for the key",
    );
  const compressionType =
    (features & incompatible.compressionType) !== 0 && headerBytes > plainHeader3Bytes ? header.compressionType : 0;
  if (compressionType > 1) unsupported(`its compression type is ${compressionType}`, "zlib and zstd are known");

  const isExtended = (features & incompatible.extendedL2) !== 0;
  // A subcluster is at least a sector.
  if (isExtended && clusterBits < smallestClusterBits + 5) damaged("its clusters are too small to have subclusters");
  const l2EntryBytes = isExtended ? 16 : 8;
  const neededEntries = Math.ceil(sizeBytes / (clusterBytes * (clusterBytes / l2EntryBytes)));
  if (header.l1Size < neededEntries) damaged("its L1 table is too short for its disk size");
  if (neededEntries * 8 > largestL1Bytes) damaged("its L1 table is longer than is allowed");
  const l1Bytes = neededEntries * 8;
  if (l1Bytes > 0 && (header.l1TableOffset % clusterBytes !== 0 || header.l1TableOffset === 0))
    damaged("its L1 table is not at the start of a cluster");
  if (header.l1TableOffset + l1Bytes > source.sizeBytes)
    damaged("its L1 table lies behind the end of the file: was it copied completely?");

  const dataFile = extensions.get(extensionTypes.externalData);
  if ((features & incompatible.externalData) !== 0 && dataFile === undefined)
    unsupported("its data is in another file, which it does not name");
  const backingFormat = extensions.get(extensionTypes.backingFormat);
  return {
    version: version as 2 | 3,
    clusterBits,
    clusterBytes,
    sizeBytes,
    l1: { offsetBytes: header.l1TableOffset, entries: neededEntries },
    l2EntryBytes,
    subclusters: isExtended ? 32 : 1,
    compression: compressionType === 1 ? "zstd" : "zlib",
    refcountBits: version === 2 ? 16 : 2 ** header.refcountOrder,
    backing:
      backingName === undefined
        ? undefined
        : { name: backingName, format: backingFormat && decodeName(backingFormat).replace(/\0.*$/s, "") },
    dataFile: (features & incompatible.externalData) !== 0 && dataFile !== undefined ? decodeName(dataFile) : undefined,
    isDirty: (features & incompatible.dirty) !== 0,
    isCorrupt: (features & incompatible.corrupt) !== 0,
    hasLazyRefcounts: (header.compatibleFeatures & compatible.lazyRefcounts) !== 0,
    hasBitmaps: extensions.has(extensionTypes.bitmaps),
    snapshots: { count: header.snapshotCount, offsetBytes: header.snapshotsOffset },
  };
}

type Damaged = (reason: string) => never;
type DecodedHeader = ReturnType<typeof header3Struct.decode>;

function decodeHeader(bytes: Uint8Array, damaged: Damaged): DecodedHeader {
  try {
    return header3Struct.decode(bytes);
  } catch (error) {
    // A size or offset of 2^53 and more.
    if (error instanceof RangeError) return damaged(`a number in its header is impossible: ${error.message}`);
    throw error;
  }
}

function backingNameOf(
  firstCluster: Uint8Array,
  { backingFileOffset: at, backingFileSize: length }: DecodedHeader,
  damaged: Damaged,
): string | undefined {
  if (at === 0) return undefined;
  if (length === 0) return undefined;
  if (length > longestBackingName || at + length > firstCluster.length)
    damaged("the name of its backing file lies outside its header");
  return decodeName(firstCluster.subarray(at, at + length));
}

/** By type; the last of a type counts. */
function readExtensions(area: Uint8Array, startBytes: number, damaged: Damaged): ReadonlyMap<number, Uint8Array> {
  const extensions = new Map<number, Uint8Array>();
  for (let at = startBytes; at + extensionStruct.size <= area.length; ) {
    const { type, lengthBytes } = extensionStruct.decode(area, at);
    if (type === extensionTypes.end) break;
    at += extensionStruct.size;
    if (lengthBytes > area.length - at) damaged("a header extension is longer than the header");
    extensions.set(type, area.subarray(at, at + lengthBytes));
    at += Math.ceil(lengthBytes / 8) * 8;
  }
  return extensions;
}

/** As the image itself names them, if it does. */
function unknownFeatures(header: DecodedHeader, known: number, extensions: ReadonlyMap<number, Uint8Array>): string {
  const names = new Map<number, string>();
  const table = extensions.get(extensionTypes.featureNames) ?? new Uint8Array(0);
  for (let at = 0; at + featureNameBytes <= table.length; at += featureNameBytes) {
    const { kind, bit } = featureNameStruct.decode(table, at);
    const text = decodeName(table.subarray(at + featureNameStruct.size, at + featureNameBytes));
    if (kind === 0) names.set(bit, text.replace(/\0.*$/s, ""));
  }
  const bits = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) =>
    bit < 32 ? ((header.incompatibleFeatures & ~known) >>> bit) & 1 : (header.incompatibleHigh >>> (bit - 32)) & 1,
  );
  return bits.map((bit) => names.get(bit) || `bit ${bit}`).join(", ");
}
