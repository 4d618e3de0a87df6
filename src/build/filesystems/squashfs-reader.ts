import { type ByteSource, sliceSource } from "../../core/byte-source.ts";
import type { FileSystemReader, ReadFileSystem } from "./filesystem-reader.ts";
import { damaged, decode, unsupported } from "./squashfs-damage.ts";
import { createDecompress } from "./squashfs-decompress.ts";
import {
  compressors,
  fragmentEntry,
  magic,
  maxBlockBytes,
  minBlockBytes,
  placeOf,
  superblock,
  superblockFlags,
} from "./squashfs-format.ts";
import { ContentReader } from "./squashfs-read-contents.ts";
import { LookupReader, MetadataReader, MetadataTable } from "./squashfs-read-metadata.ts";
import { readTree } from "./squashfs-read-tree.ts";
import { XattrReader } from "./squashfs-read-xattrs.ts";

/** squashfs 4.0, compressed with gzip, xz or zstd. */
export const squashfsReader: FileSystemReader = { name: "squashfs", detect, read };

function detect(source: ByteSource): boolean {
  if (source.sizeBytes < superblock.size) return false;
  const bytes = new Uint8Array(4);
  source.read(bytes, 0);
  return new DataView(bytes.buffer).getUint32(0, true) === magic;
}

function read(source: ByteSource): ReadFileSystem {
  const header = readSuperblock(source);
  const { compressor, blockBytes, bytesUsed, flags, fragments } = header;
  const image = sliceSource(source, 0, bytesUsed);
  const decompress = createDecompress(compressor, blockBytes);
  const metadata = new MetadataReader(image, decompress);
  const lookup = (name: string, placesAt: number | undefined, count: number, recordBytes: number) =>
    placesAt === undefined || count === 0 ? undefined : new LookupReader(metadata, name, placesAt, count, recordBytes);

  const ids = lookup("ids", header.idTable, header.ids, 4) ?? damaged("it has no table of ids");
  const fragmentTable = lookup("ends of files", header.fragmentTable, fragments, fragmentEntry.size);
  const exportTable = lookup("inodes", header.exportTable, header.inodes, 8);
  const xattrs = header.xattrTable === undefined ? undefined : new XattrReader(metadata, header.xattrTable);
  const behind = [fragmentTable, exportTable, ids, xattrs].map((table) => table?.startBytes ?? bytesUsed);
  const tables = {
    inodes: new MetadataTable(metadata, header.inodeTable, header.directoryTable),
    directories: new MetadataTable(metadata, header.directoryTable, Math.min(...behind)),
    ids: idsFrom(ids),
    xattrs,
    contents: new ContentReader(image, decompress, blockBytes, fragmentTable),
  };
  const { tree, inodes } = readTree(tables, placeOf(header.root));
  return {
    type: "squashfs",
    label: "",
    uuid: "",
    sizeBytes: bytesUsed,
    freeBytes: undefined,
    features: featuresOf(flags),
    details: [
      ["compression", compressor],
      ["block size", `${blockBytes / 1024} KiB`],
      ["inodes", `${inodes}`],
      ["blocks of ends of files", `${fragments}`],
      ["made", new Date(header.time * 1000).toISOString()],
    ],
    problems:
      inodes === header.inodes
        ? []
        : [`it says that it has ${header.inodes} inodes, and ${inodes} are in its directories`],
    tree,
  };
}

/** Most inodes have the same few. */
function idsFrom(table: LookupReader): (index: number) => number {
  const known: number[] = [];
  return (index) => {
    known[index] ??= new DataView(table.record(index).buffer).getUint32(0, true);
    return known[index];
  };
}

function readSuperblock(source: ByteSource) {
  const bytes = new Uint8Array(superblock.size);
  source.read(bytes, 0);
  const header = decode(superblock, bytes);
  const { major, minor, blockBytes, blockLog, bytesUsed } = header;
  if (major !== 4 || minor !== 0) unsupported(`it is of version ${major}.${minor}, and only 4.0 is understood`);
  if (blockBytes !== 2 ** blockLog || blockBytes < minBlockBytes || blockBytes > maxBlockBytes)
    damaged(`its blocks are of ${blockBytes} bytes`);
  if (bytesUsed > source.sizeBytes) damaged(`it is ${bytesUsed} bytes long, and only ${source.sizeBytes} are there`);
  const compressor =
    compressors[header.compressor - 1] ?? damaged(`its compressor has the number ${header.compressor}`);
  return { ...header, compressor };
}

const flagNames: Readonly<Record<keyof typeof superblockFlags, string>> = {
  inodesStored: "uncompressed-inodes",
  dataStored: "uncompressed-data",
  fragmentsStored: "uncompressed-fragments",
  noFragments: "no-fragments",
  alwaysFragments: "always-use-fragments",
  duplicatesMerged: "duplicates",
  exportable: "exportable",
  xattrsStored: "uncompressed-xattrs",
  noXattrs: "no-xattrs",
  compressorOptions: "compressor-options",
  idsStored: "uncompressed-ids",
};

function featuresOf(flags: number): string[] {
  return Object.entries(superblockFlags)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => flagNames[name as keyof typeof superblockFlags])
    .sort();
}
