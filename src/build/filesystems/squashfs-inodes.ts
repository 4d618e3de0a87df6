import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { ByteSource } from "../../core/byte-source.ts";
import { encodeName } from "../../core/names.ts";
import type { Compress } from "./squashfs-compress.ts";
import type { FilePlace } from "./squashfs-data.ts";
import type { Draft, Drafts } from "./squashfs-drafts.ts";
import {
  deviceInode,
  directoryInode,
  encodeDevice,
  fileInode,
  inodeHeader,
  longDeviceInode,
  longDirectoryInode,
  longFileInode,
  longSpecialInode,
  longTypes,
  none,
  type Place,
  reference,
  specialInode,
  symlinkInode,
  types,
} from "./squashfs-format.ts";
import { writeListing } from "./squashfs-listing.ts";
import { MetadataWriter } from "./squashfs-metadata.ts";
import type { XattrTable } from "./squashfs-xattrs.ts";

export interface InodeTables {
  readonly inodes: Uint8Array;
  readonly directories: Uint8Array;
  readonly root: Place;
  /** Of each inode, by its number less one. */
  readonly references: readonly number[];
}

/** Writes all inodes and listings; each names places in the other's table, so they are written in turns. */
export async function writeInodes(
  drafts: Drafts,
  places: ReadonlyMap<ByteSource, FilePlace>,
  xattrs: XattrTable,
  compress: Compress,
  signal: AbortSignal,
): Promise<InodeTables> {
  const inodes = new MetadataWriter(compress);
  const directories = new MetadataWriter(compress);
  const idIndexes = new Map(drafts.ids.map((id, index) => [id, index]));
  const references: number[] = [];

  const write = (draft: Draft): Place => {
    const { node } = draft;
    const { place } = inodes;
    const { isLong, parts } = encodeBody(draft, drafts.inodes, places, xattrs.idOf(node.xattrs));
    inodes.write(
      inodeHeader.encode({
        type: types[node.type] + (isLong ? longTypes : 0),
        // A link's own permissions mean nothing and read 0777 everywhere.
        mode: node.type === "symlink" ? 0o777 : node.mode,
        user: idIndexes.get(node.uid) as number,
        group: idIndexes.get(node.gid) as number,
        time: Math.floor(node.mtime),
        number: draft.number,
      }),
    );
    for (const part of parts) inodes.write(part);
    references[draft.number - 1] = reference(place);
    return place;
  };

  for (const directory of drafts.directories.toReversed()) {
    if (directory.number % 16 === 0) await yieldToEvents();
    signal.throwIfAborted();
    const entries = directory.children.map(({ name, draft }) => {
      draft.place ??= write(draft);
      return { name, type: types[draft.node.type], number: draft.number, place: draft.place };
    });
    directory.listing = writeListing(entries, directories);
  }
  const root = write(drafts.root);
  return { inodes: inodes.finish(), directories: directories.finish(), root, references };
}

interface Body {
  readonly isLong: boolean;
  readonly parts: readonly Uint8Array[];
}

function encodeBody(draft: Draft, inodes: number, places: ReadonlyMap<ByteSource, FilePlace>, xattrs: number): Body {
  const { node, links } = draft;
  const isLong = xattrs !== none;
  switch (node.type) {
    case "directory":
      return encodeDirectory(draft, inodes, xattrs);
    case "file":
      return encodeFile(node.content.sizeBytes, places.get(node.content) as FilePlace, links, xattrs);
    case "symlink": {
      const target = encodeName(node.target);
      const tail = isLong ? [encodeU32s([xattrs])] : [];
      return { isLong, parts: [symlinkInode.encode({ links, targetBytes: target.length }), target, ...tail] };
    }
    case "character-device":
    case "block-device": {
      const device = encodeDevice(node.major, node.minor);
      if (!isLong) return { isLong, parts: [deviceInode.encode({ links, device })] };
      return { isLong, parts: [longDeviceInode.encode({ links, device, xattrs })] };
    }
    default:
      if (!isLong) return { isLong, parts: [specialInode.encode({ links })] };
      return { isLong, parts: [longSpecialInode.encode({ links, xattrs })] };
  }
}

function encodeDirectory(draft: Draft, inodes: number, xattrs: number): Body {
  const { links, listing } = draft;
  if (listing === undefined) throw new Error("a directory is written before its listing");
  const { index, place } = listing;
  // By convention the root's parent is the number that no inode has.
  const parent = draft.parent?.number ?? inodes + 1;
  const listingBytes = listing.sizeBytes + 3;
  const common = { links, listingBytes, block: place.block, offset: place.offset, parent };
  if (xattrs === none && index.length === 0 && listingBytes < 2 ** 16)
    return { isLong: false, parts: [directoryInode.encode(common)] };
  return {
    isLong: true,
    parts: [longDirectoryInode.encode({ ...common, indexEntries: index.length, xattrs }), ...index],
  };
}

function encodeFile(sizeBytes: number, place: FilePlace, links: number, xattrs: number): Body {
  const { startBytes: start, blocks, tail, sparseBytes } = place;
  const fragment = tail?.fragment ?? none;
  const fragmentOffset = tail?.offset ?? 0;
  const sizes = encodeU32s(blocks);
  if (links === 1 && xattrs === none && sparseBytes === 0 && start < 2 ** 32 && sizeBytes < 2 ** 32)
    return { isLong: false, parts: [fileInode.encode({ start, fragment, fragmentOffset, sizeBytes }), sizes] };
  const long = longFileInode.encode({
    start,
    sizeBytes,
    // As mksquashfs, which leaves a byte: a file that takes no room at all confuses those who copy sparse files.
    sparseBytes: Math.min(sparseBytes, Math.max(0, sizeBytes - 1)),
    links,
    fragment,
    fragmentOffset,
    xattrs,
  });
  return { isLong: true, parts: [long, sizes] };
}

export function encodeU32s(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, 4 * index);
  return bytes;
}
