import { bytesSource, composeSource, type Piece } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystem-writer.ts";
import { type Compression, createCompress, zstdLevel } from "./squashfs-compress.ts";
import { type DataPlan, planData } from "./squashfs-data.ts";
import { type Drafts, draftInodes } from "./squashfs-drafts.ts";
import {
  compressors,
  fragmentEntry,
  magic,
  maxBlockBytes,
  minBlockBytes,
  paddingBytes,
  reference,
  superblock,
  superblockFlags,
} from "./squashfs-format.ts";
import { encodeU32s, writeInodes } from "./squashfs-inodes.ts";
import { lookupTable } from "./squashfs-metadata.ts";
import { createBlockCompressor } from "./squashfs-threads.ts";
import { XattrTable } from "./squashfs-xattrs.ts";

export interface SquashfsOptions {
  readonly compression: Compression;
  /** A power of two from 4 KiB to 1 MiB; 128 KiB unless told. */
  readonly blockSizeBytes?: number;
}

/**
 * squashfs 4.0, read-only and compressed. It has neither label nor UUID, and no free space: with `freeBytes` it is as small as it can be, with `exactBytes` zeros follow it.
 * GRUB reads it with gzip and xz only.
 */
export function squashfsWriter({ compression, blockSizeBytes = 128 * 1024 }: SquashfsOptions): FileSystemWriter {
  if (blockSizeBytes < minBlockBytes || blockSizeBytes > maxBlockBytes || !Number.isInteger(Math.log2(blockSizeBytes)))
    throw new RangeError(`${blockSizeBytes} is no block size of squashfs`);
  return { name: "squashfs", plan: (request, context) => plan(request, context, compression, blockSizeBytes) };
}

async function plan(
  request: FileSystemRequest,
  { signal, jobs }: Pick<Context, "signal" | "jobs">,
  compression: Compression,
  blockBytes: number,
): Promise<FileSystemPlan> {
  const { tree, size, epochSeconds } = request;
  const drafts = draftInodes(tree, blockBytes);
  const compressor = createBlockCompressor(compression, blockBytes, jobs);
  let data: DataPlan;
  try {
    data = await planData(contentsOf(request.tree), superblock.size, blockBytes, compressor, signal);
  } finally {
    compressor.close();
  }
  const tables = await planTables(drafts, data, compression, blockBytes, epochSeconds, signal);
  const neededBytes = Math.ceil(tables.endBytes / paddingBytes) * paddingBytes;
  const sizeBytes = "exactBytes" in size ? size.exactBytes : neededBytes;
  if (sizeBytes < neededBytes) tooSmall(sizeBytes, neededBytes);
  return {
    source: composeSource(sizeBytes, [...tables.pieces, { offsetBytes: superblock.size, source: data.source }]),
    freeBytes: sizeBytes - neededBytes,
    notes: notesOn(compression, blockBytes, data),
  };
}

/** Everything but the data: the superblock before it, the tables behind it in the order that the kernel checks. */
async function planTables(
  drafts: Drafts,
  data: DataPlan,
  compression: Compression,
  blockBytes: number,
  epochSeconds: number,
  signal: AbortSignal,
): Promise<{ pieces: Piece[]; endBytes: number }> {
  const compress = createCompress(compression, blockBytes);
  const xattrs = new XattrTable(compress);
  const { inodes, directories, root, references } = await writeInodes(drafts, data.places, xattrs, compress, signal);
  const pieces: Piece[] = [];
  let endBytes = superblock.size + data.source.sizeBytes;
  const put = (bytes: Uint8Array): number => {
    const offsetBytes = endBytes;
    pieces.push({ offsetBytes, source: bytesSource(bytes) });
    endBytes += bytes.length;
    return offsetBytes;
  };
  const putLookup = (records: readonly Uint8Array[]): number => {
    const { blocks, places } = lookupTable(records, endBytes, compress);
    put(blocks);
    return put(places);
  };
  const inodeTable = put(inodes);
  const directoryTable = put(directories);
  const { fragments } = data;
  const fragmentTable =
    fragments.length === 0 ? undefined : putLookup(fragments.map((each) => fragmentEntry.encode(each)));
  const exportTable = putLookup([encodeU64s(references)]);
  const idTable = putLookup([encodeU32s(drafts.ids)]);
  const xattrTable = xattrs.finish(endBytes);
  if (xattrTable !== undefined) put(xattrTable.bytes);
  const header = superblock.encode({
    magic,
    inodes: drafts.inodes,
    time: epochSeconds,
    blockBytes,
    blockLog: Math.log2(blockBytes),
    fragments: fragments.length,
    compressor: compressors.indexOf(compression) + 1,
    flags: superblockFlags.duplicatesMerged | superblockFlags.exportable,
    ids: drafts.ids.length,
    major: 4,
    minor: 0,
    root: reference(root),
    bytesUsed: endBytes,
    idTable,
    xattrTable: xattrTable?.headerAt,
    inodeTable,
    directoryTable,
    fragmentTable,
    exportTable,
  });
  pieces.push({ offsetBytes: 0, source: bytesSource(header) });
  return { pieces, endBytes };
}

function* contentsOf(tree: FileSystemRequest["tree"]) {
  for (const [, node] of tree.entries()) if (node.type === "file") yield node.content;
}

function tooSmall(exactBytes: number, neededBytes: number): never {
  return fail(
    "image/disk-too-small",
    `cannot make a squashfs of ${exactBytes} bytes: its contents need ${neededBytes} bytes`,
    {
      hint: `make it at least ${Math.ceil(neededBytes / 2 ** 20)}MiB large, leave the size to be computed, or put less into it`,
    },
  );
}

function notesOn(compression: Compression, blockBytes: number, { fragments, duplicates }: DataPlan): string[] {
  return [
    compression === "zstd" ? `zstd level ${zstdLevel}` : compression,
    `${blockBytes / 1024} KiB blocks`,
    `ends of files in ${fragments.length} blocks`,
    `${duplicates} duplicate files merged`,
  ];
}

function encodeU64s(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * index);
  return bytes;
}
