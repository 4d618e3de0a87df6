/** Blocks `start` up to but not including `end`. */
export interface BlockRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The free blocks as ranges, handed out from the front. Behind the end of the file system follow as many virtual blocks as one asks for: so one
 * pass over all files tells how many blocks are missing.
 */
export class FreeSpace {
  readonly #ranges: BlockRange[];
  readonly #endBlock: number;
  #first = 0;

  /** `ranges`: ascending, not overlapping, all below `endBlock`. */
  constructor(ranges: readonly BlockRange[], endBlock: number) {
    this.#ranges = [...ranges.filter((range) => range.start < range.end), { start: endBlock, end: Infinity }];
    this.#endBlock = endBlock;
  }

  /** The first `blocks` free blocks, in as many pieces as it takes. */
  take(blocks: number): BlockRange[] {
    const taken: BlockRange[] = [];
    let left = blocks;
    while (left > 0) {
      const { start, end } = this.#ranges[this.#first] as BlockRange;
      const length = Math.min(left, end - start);
      taken.push({ start, end: start + length });
      left -= length;
      if (start + length === end) this.#first++;
      else this.#ranges[this.#first] = { start: start + length, end };
    }
    return taken;
  }

  /** The first place with so many free blocks in one piece; its first block. */
  takeTogether(blocks: number): number {
    let index = this.#first;
    for (;;) {
      const { start, end } = this.#ranges[index] as BlockRange;
      if (end - start >= blocks) {
        if (end - start === blocks) this.#ranges.splice(index, 1);
        else this.#ranges[index] = { start: start + blocks, end };
        return start;
      }
      index++;
    }
  }

  /** How many blocks were handed out that do not exist. */
  get missingBlocks(): number {
    return (this.#ranges.at(-1) as BlockRange).start - this.#endBlock;
  }

  /** What is left, ascending. */
  left(): BlockRange[] {
    return this.#ranges.slice(this.#first, -1);
  }
}

export function countBlocks(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
