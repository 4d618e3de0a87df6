import type { ByteSource, Extent } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import type { ImageFile } from "./image-reader.ts";

/** A disk in blocks of one size, each of which is stored somewhere or not at all. */
export interface BlockMap {
  readonly sizeBytes: number;
  readonly blockBytes: number;
  /** The numbers of the blocks that may hold data, ascending. */
  readonly stored: Iterable<number>;
  /** Fills the target from `insideBytes` of a block on, also of one that is not stored; never past the block's end. */
  readBlock(target: Uint8Array, block: number, insideBytes: number): void;
}

/** What lies under the blocks that are not stored: `extents` of it are added. */
export function blockSource(map: BlockMap, underneath: readonly Extent[] = []): ByteSource {
  const { sizeBytes, blockBytes } = map;
  const own = extentsOf(map);
  return {
    sizeBytes,
    extents: underneath.length === 0 ? own : unite(own, underneath, sizeBytes),
    read(target, offsetBytes) {
      for (let at = 0; at < target.length; ) {
        const block = Math.floor((offsetBytes + at) / blockBytes);
        const inside = offsetBytes + at - block * blockBytes;
        const length = Math.min(target.length - at, blockBytes - inside);
        map.readBlock(target.subarray(at, at + length), block, inside);
        at += length;
      }
    },
  };
}

/** Bytes of an image file that its own tables name. Errors: `image/damaged` if they are not there. */
export function bytesAt(
  { path, source }: ImageFile,
  offsetBytes: number,
  lengthBytes: number,
  what: string,
): Uint8Array<ArrayBuffer> {
  requireInside({ path, source }, offsetBytes, lengthBytes, what);
  const bytes = new Uint8Array(lengthBytes);
  source.read(bytes, offsetBytes);
  return bytes;
}

/** Errors: `image/damaged` if the range is not inside the file. */
export function requireInside(
  { path, source }: ImageFile,
  offsetBytes: number,
  lengthBytes: number,
  what: string,
): void {
  if (offsetBytes < 0 || offsetBytes + lengthBytes > source.sizeBytes)
    fail("image/damaged", `cannot use ${path}: its ${what} is not in the file (byte ${offsetBytes})`, {
      hint: "was it copied completely?",
    });
}

function extentsOf({ sizeBytes, blockBytes, stored }: BlockMap): Extent[] {
  const extents: Extent[] = [];
  let from = 0;
  let to = 0;
  const push = () => {
    if (to > from) extents.push({ offsetBytes: from, lengthBytes: to - from });
  };
  for (const block of stored) {
    const start = block * blockBytes;
    if (start !== to) {
      push();
      from = start;
    }
    to = Math.min(start + blockBytes, sizeBytes);
  }
  push();
  return extents;
}

/** Both lists of ranges as one, up to the size. */
function unite(a: readonly Extent[], b: readonly Extent[], sizeBytes: number): Extent[] {
  const united: { offsetBytes: number; lengthBytes: number }[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const first = a[i];
    const second = b[j];
    const takeFirst = second === undefined || (first !== undefined && first.offsetBytes <= second.offsetBytes);
    const { offsetBytes, lengthBytes } = (takeFirst ? first : second) as Extent;
    if (takeFirst) i++;
    else j++;
    const end = Math.min(offsetBytes + lengthBytes, sizeBytes);
    if (end <= offsetBytes) continue;
    const last = united.at(-1);
    if (last !== undefined && offsetBytes <= last.offsetBytes + last.lengthBytes)
      last.lengthBytes = Math.max(last.lengthBytes, end - last.offsetBytes);
    else united.push({ offsetBytes, lengthBytes: end - offsetBytes });
  }
  return united;
}
