import { type ByteSource, bytesSource, type Extent, sliceSource } from "../../core/byte-source.ts";
import { inodeFlags } from "./ext4-format.ts";
import type { ReadInode } from "./ext4-read-inode.ts";
import { type MappedRun, mapInode } from "./ext4-read-mapping.ts";
import { damaged, type Volume } from "./ext4-volume.ts";

/**
 * An inode's content. Where its blocks are is found out when somebody asks: so reading the tree of a large image costs little, and a damaged file keeps
 * nobody from reading the others. `inlineRest`: what of inline data does not fit `i_block`.
 */
export function contentOf(volume: Volume, inode: ReadInode, inlineRest: Uint8Array): ByteSource {
  // Without the view on the inode's tail, which would keep more in memory.
  const { number, flags, sizeBytes, block } = inode;
  if ((inode.flags & inodeFlags.inlineData) !== 0) return inlineContent(inode, inlineRest);
  let found: { runs: readonly MappedRun[]; extents: readonly Extent[] } | undefined;
  const map = () => {
    if (found === undefined) {
      const runs = mapInode(volume, { number, flags, sizeBytes, block });
      found = { runs, extents: extentsOf(runs, volume.blockSizeBytes, sizeBytes) };
    }
    return found;
  };
  return {
    sizeBytes,
    get extents() {
      return map().extents;
    },
    read: (target, offsetBytes) => readRuns(volume, map().runs, target, offsetBytes),
  };
}

/** Up to sixty bytes in `i_block`, what is more in the attribute `system.data` (kernel documentation, "Inline Data"). */
function inlineBytes(inode: ReadInode, inlineRest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Buffer.concat([inode.block, inlineRest]));
  if (inode.sizeBytes > bytes.length)
    damaged(`inode ${inode.number} is ${inode.sizeBytes} bytes long and has ${bytes.length} in itself`);
  return bytes.subarray(0, inode.sizeBytes);
}

function inlineContent(inode: ReadInode, inlineRest: Uint8Array): ByteSource {
  return bytesSource(inlineBytes(inode, inlineRest));
}

/** A part of `source` for each run, in bytes of the file; adjoining ones are joined. */
function extentsOf(runs: readonly MappedRun[], blockSizeBytes: number, sizeBytes: number): Extent[] {
  const extents: { offsetBytes: number; lengthBytes: number }[] = [];
  for (const { logicalBlock, blocks } of runs) {
    const from = logicalBlock * blockSizeBytes;
    const to = Math.min(from + blocks * blockSizeBytes, sizeBytes);
    if (from >= to) break;
    const last = extents.at(-1);
    if (last !== undefined && last.offsetBytes + last.lengthBytes === from) last.lengthBytes += to - from;
    else extents.push({ offsetBytes: from, lengthBytes: to - from });
  }
  return extents;
}

function readRuns(volume: Volume, runs: readonly MappedRun[], target: Uint8Array, offsetBytes: number): void {
  const { blockSizeBytes, source } = volume;
  const endBytes = offsetBytes + target.length;
  let at = offsetBytes;
  for (let index = firstRunAfter(runs, offsetBytes / blockSizeBytes); at < endBytes; index++) {
    const run = runs[index];
    const start = run === undefined ? endBytes : Math.min(endBytes, run.logicalBlock * blockSizeBytes);
    if (start > at) {
      target.fill(0, at - offsetBytes, start - offsetBytes);
      at = start;
    }
    if (run === undefined || at === endBytes) continue;
    const end = Math.min(endBytes, (run.logicalBlock + run.blocks) * blockSizeBytes);
    const physical = run.physicalBlock * blockSizeBytes + (at - run.logicalBlock * blockSizeBytes);
    if (physical + (end - at) > source.sizeBytes) damaged("a file's blocks lie past the end of the image");
    source.read(target.subarray(at - offsetBytes, end - offsetBytes), physical);
    at = end;
  }
}

/** The first run that does not end before a block (which may be a fraction). */
function firstRunAfter(runs: readonly MappedRun[], block: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle] as MappedRun;
    if (run.logicalBlock + run.blocks <= block) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A small content as bytes, for what must be known to know the tree: a link's target, an attribute's value. */
export function readSmall(volume: Volume, inode: ReadInode, inlineRest: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(inode.sizeBytes);
  sliceSource(contentOf(volume, inode, inlineRest), 0, bytes.length).read(bytes, 0);
  return bytes;
}
