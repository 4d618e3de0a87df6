import type { ByteSource } from "../../core/byte-source.ts";
import { blockSizeBytes } from "./ext4-format.ts";

/** Consecutive blocks of a file that hold data. What lies between runs is a hole. */
export interface BlockRun {
  readonly logicalBlock: number;
  readonly blocks: number;
}

/** Whatever of an inode lies in blocks: a file's content, a directory's entries, a long symbolic link's target. */
export interface Body {
  readonly content: ByteSource;
  readonly runs: readonly BlockRun[];
}

export function bodyOf(content: ByteSource): Body {
  return { content, runs: runsOf(content) };
}

/** The runs of a source's extents, widened to whole blocks. */
function runsOf(content: ByteSource): BlockRun[] {
  const runs: BlockRun[] = [];
  let start = 0;
  let end = 0;
  for (const { offsetBytes, lengthBytes } of content.extents) {
    const first = Math.floor(offsetBytes / blockSizeBytes);
    if (first > end) {
      if (end > start) runs.push({ logicalBlock: start, blocks: end - start });
      start = first;
    }
    end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes);
  }
  if (end > start) runs.push({ logicalBlock: start, blocks: end - start });
  return runs;
}

export function countRunBlocks(runs: readonly BlockRun[]): number {
  return runs.reduce((sum, run) => sum + run.blocks, 0);
}

/** Some whole blocks of a file, as a source that is data throughout; what lies past the end of the file is zero. */
export function blocksSource(content: ByteSource, logicalBlock: number, blocks: number): ByteSource {
  const startBytes = logicalBlock * blockSizeBytes;
  const sizeBytes = blocks * blockSizeBytes;
  return {
    sizeBytes,
    extents: [{ offsetBytes: 0, lengthBytes: sizeBytes }],
    read(target, offsetBytes) {
      const from = startBytes + offsetBytes;
      const length = Math.max(0, Math.min(target.length, content.sizeBytes - from));
      if (length > 0) content.read(length === target.length ? target : target.subarray(0, length), from);
      if (length < target.length) target.fill(0, length);
    },
  };
}

/**
 * `count` units of equal size, each made when it is read: planning a file system with millions of inodes encodes none of them.
 * `fill` is given zeroed room for one unit.
 */
export function unitsSource(
  count: number,
  unitBytes: number,
  fill: (target: Uint8Array, index: number) => void,
): ByteSource {
  const sizeBytes = count * unitBytes;
  return {
    sizeBytes,
    extents: sizeBytes === 0 ? [] : [{ offsetBytes: 0, lengthBytes: sizeBytes }],
    read(target, offsetBytes) {
      const end = offsetBytes + target.length;
      for (let at = offsetBytes; at < end; ) {
        const index = Math.floor(at / unitBytes);
        const unitStart = index * unitBytes;
        const to = Math.min(unitStart + unitBytes, end);
        const part = target.subarray(at - offsetBytes, to - offsetBytes);
        if (part.length === unitBytes) fill(part.fill(0), index);
        else {
          const unit = new Uint8Array(unitBytes);
          fill(unit, index);
          part.set(unit.subarray(at - unitStart, to - unitStart));
        }
        at = to;
      }
    },
  };
}
