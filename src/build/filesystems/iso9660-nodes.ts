import { type ByteSource, composeSource, emptySource, sliceSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { fileTypeBits, type Node } from "../../core/tree.ts";
import type { IsoRecord } from "./iso9660-records.ts";
import type { RockRidge } from "./iso9660-system-use.ts";
import { damaged, type ExtentPlace } from "./iso9660-volume.ts";

const typeMask = 0o170000;
const typeOfBits = new Map(Object.entries(fileTypeBits).map(([type, bits]) => [bits as number, type as Node["type"]]));
const origin = "iso9660";

/** What a record and its Rock Ridge say; without Rock Ridge, what Linux would show: root's, for everybody to read. */
export function nodeOf(
  path: string,
  record: IsoRecord,
  rock: RockRidge,
  isDirectory: boolean,
  source: ByteSource,
  blockBytes: number,
): Node {
  const { mode = isDirectory ? 0o555 : 0o444, uid = 0, gid = 0, mtime = record.mtime, device } = rock;
  const attributes = { mode: mode & 0o7777, uid, gid, mtime, origin };
  if (isDirectory) return { ...attributes, type: "directory" };
  const type = rock.mode === undefined ? "file" : (typeOfBits.get(rock.mode & typeMask) ?? "file");
  if (type === "symlink") return { ...attributes, type, target: rock.target ?? "" };
  if (type === "character-device" || type === "block-device")
    return { ...attributes, type, ...(device ?? { major: 0, minor: 0 }) };
  if (type === "fifo" || type === "socket") return { ...attributes, type };
  // A directory by its mode alone has no entries to read.
  return { ...attributes, type: "file", content: contentOf(path, record, rock, source, blockBytes) };
}

function contentOf(
  path: string,
  { extents, isInterleaved }: IsoRecord,
  { encoding }: RockRidge,
  source: ByteSource,
  blockBytes: number,
): ByteSource {
  const sizeBytes = extents.reduce((sum, extent) => sum + extent.sizeBytes, 0);
  if (sizeBytes === 0) return emptySource;
  if (encoding === "ZF") return unsupported(path, sizeBytes, "it is compressed by zisofs");
  if (encoding === "SF") return unsupported(path, sizeBytes, "it is a sparse file in Rock Ridge's own way");
  if (isInterleaved) return unsupported(path, sizeBytes, "its content is interleaved");
  const isPresent = extents.every((extent) => endOf(extent, blockBytes) <= source.sizeBytes);
  if (!isPresent) return unreadable(sizeBytes, () => damaged(`${path}: its content lies past the end`));
  let offsetBytes = 0;
  const pieces = extents.map((extent) => {
    const piece = { offsetBytes, source: sliceSource(source, extent.block * blockBytes, extent.sizeBytes) };
    offsetBytes += extent.sizeBytes;
    return piece;
  });
  return composeSource(sizeBytes, pieces);
}

export function endOf({ block, sizeBytes }: ExtentPlace, blockBytes: number): number {
  return block * blockBytes + sizeBytes;
}

function unsupported(path: string, sizeBytes: number, reason: string): ByteSource {
  return unreadable(sizeBytes, () => fail("image/unsupported", `cannot read ${path} on the ISO 9660 disc: ${reason}`));
}

function unreadable(sizeBytes: number, read: () => never): ByteSource {
  return { sizeBytes, extents: [{ offsetBytes: 0, lengthBytes: sizeBytes }], read };
}
