import { fail } from "../../core/errors.ts";
import { bytesAt, isPowerOfTwo } from "./block-source.ts";
import type { ImageFile } from "./image-reader.ts";
import {
  atTheEnd,
  deflateCompression,
  flags,
  headerStruct,
  lineEnds,
  magic,
  markerStruct,
  markerTypes,
  sectorBytes,
  tableEntries,
} from "./vmdk-format.ts";

export interface SparseHeader {
  readonly sizeBytes: number;
  readonly grainBytes: number;
  /** Grains of a table. */
  readonly tableEntries: number;
  readonly directoryOffsetBytes: number;
  readonly descriptorOffsetBytes: number;
  readonly descriptorBytes: number;
  readonly isCompressed: boolean;
  readonly hasMarkers: boolean;
  readonly isUnclean: boolean;
}

const mostSectors = 2 ** 38;
/** QEMU's limit too; what is compressed is held in memory. */
const largestGrainBytes = 1024 ** 3;
const largestCompressedGrainBytes = 4 * 1024 ** 2;
const mostDescriptorBytes = 1024 ** 2;
const knownFlags = flags.validLineEnds | flags.redundantTable | flags.zeroGrains | flags.compressed | flags.markers;

export function hasSparseHeader({ source }: ImageFile): boolean {
  if (source.sizeBytes < headerStruct.size) return false;
  const bytes = new Uint8Array(4);
  source.read(bytes, 0);
  return new DataView(bytes.buffer).getUint32(0, true) === magic;
}

/** Of a sparse extent; for a stream, with what only its footer knows. Errors: `image/damaged`, `image/unsupported`. */
export function readSparseHeader(file: ImageFile): SparseHeader {
  const { path } = file;
  const damaged = (reason: string, hint?: string): never =>
    fail("image/damaged", `cannot use ${path}: ${reason}`, hint === undefined ? {} : { hint });
  const first = headerStruct.decode(bytesAt(file, 0, headerStruct.size, "header"));
  const header = first.directoryOffset === atTheEnd ? readFooter(file) : first;
  if (header.version < 1 || header.version > 3)
    fail("image/unsupported", `cannot use ${path}: it is a VMDK of version ${header.version}`);
  if ((header.flags & flags.validLineEnds) !== 0 && !header.lineEnds.every((byte, index) => byte === lineEnds[index]))
    damaged("its line ends were changed", "transfer it again as binary, not as text");
  const unknown = header.flags & ~knownFlags;
  if (unknown !== 0)
    fail(
      "image/unsupported",
      `cannot use ${path}: it has features that are not known here: 0x${(unknown >>> 0).toString(16)}`,
    );
  const isCompressed = (header.flags & flags.compressed) !== 0;
  if (isCompressed && header.compression !== deflateCompression)
    fail("image/unsupported", `cannot use ${path}: it is compressed by method ${header.compression}`);
  const grainBytes = Number(header.grainSize) * sectorBytes;
  const largest = isCompressed ? largestCompressedGrainBytes : largestGrainBytes;
  if (!isPowerOfTwo(grainBytes) || grainBytes > largest) damaged(`grains of ${grainBytes} bytes cannot be`);
  if (header.tableEntries === 0 || header.tableEntries > tableEntries)
    damaged(`tables of ${header.tableEntries} grains cannot be`);
  if (header.capacity === 0n || header.capacity > BigInt(mostSectors)) damaged("its disk has a size that cannot be");
  return {
    sizeBytes: Number(header.capacity) * sectorBytes,
    grainBytes,
    tableEntries: header.tableEntries,
    directoryOffsetBytes: Number(header.directoryOffset) * sectorBytes,
    descriptorOffsetBytes: Number(header.descriptorOffset) * sectorBytes,
    descriptorBytes: Math.min(Number(header.descriptorSize) * sectorBytes, mostDescriptorBytes),
    isCompressed,
    hasMarkers: (header.flags & flags.markers) !== 0,
    isUnclean: header.uncleanShutdown !== 0,
  };
}

/** A stream ends with a marker, the footer, and the marker of its end. */
function readFooter(file: ImageFile) {
  const { path, source } = file;
  const bytes = bytesAt(file, source.sizeBytes - 3 * sectorBytes, 3 * sectorBytes, "footer");
  const marker = markerStruct.decode(bytes);
  const footer = headerStruct.decode(bytes, sectorBytes);
  const isFooter = marker.size === 0 && marker.type === markerTypes.footer && footer.magic === magic;
  if (!isFooter || footer.directoryOffset === atTheEnd)
    fail("image/damaged", `cannot use ${path}: the stream has no end`, { hint: "was it copied completely?" });
  return footer;
}
