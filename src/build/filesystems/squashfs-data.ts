import { createHash } from "node:crypto";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import type { ByteSource, Extent } from "../../core/byte-source.ts";
import { isZero } from "../../core/checksums.ts";
import { dataStored } from "./squashfs-format.ts";
import { Spool } from "./squashfs-spool.ts";
import type { BlockCompressor } from "./squashfs-threads.ts";

/** Where a file's content is. */
export interface FilePlace {
  /** From the file system's start; 0 if it has no blocks, or these are all zeros. */
  startBytes: number;
  /** Of each block: its length, with `dataStored`; 0 if it is zeros. */
  readonly blocks: number[];
  readonly tail: Tail | undefined;
  /** In blocks of zeros. */
  readonly sparseBytes: number;
}

/** The end of a file that does not fill a block, in a block of such ends. */
interface Tail {
  readonly fragment: number;
  readonly offset: number;
}

export interface Fragment {
  readonly start: number;
  readonly size: number;
}

export interface DataPlan {
  /** By content. */
  readonly places: ReadonlyMap<ByteSource, FilePlace>;
  readonly fragments: readonly Fragment[];
  readonly source: ByteSource;
  readonly duplicates: number;
}

/** Compresses the contents, which will begin at `startBytes` of the file system. Equal ones are there once. */
export async function planData(
  contents: Iterable<ByteSource>,
  startBytes: number,
  blockBytes: number,
  compressor: BlockCompressor,
  signal: AbortSignal,
): Promise<DataPlan> {
  const places = new Map<ByteSource, FilePlace>();
  const byDigest = new Map<string, FilePlace>();
  const distinct = new Set(contents);
  const hasTwin = twins(distinct);
  const writer = new DataWriter(startBytes, blockBytes, compressor);
  let duplicates = 0;
  let turn = 0;
  try {
    for (const content of distinct) {
      signal.throwIfAborted();
      // Files that are merged wait for nothing.
      if (++turn % 64 === 0) await yieldToEvents();
      const key = hasTwin(content) ? await digestOf(content, signal) : undefined;
      let place = key === undefined ? undefined : byDigest.get(key);
      if (place !== undefined) duplicates++;
      else place = await writer.add(content, signal);
      if (key !== undefined) byDigest.set(key, place);
      places.set(content, place);
    }
    return { places, duplicates, ...(await writer.finish()) };
  } catch (error) {
    writer.discard();
    throw error;
  }
}

/** Whether another file has data of the same length at the same places: only then it is worth its while to read it twice. */
function twins(contents: Iterable<ByteSource>): (content: ByteSource) => boolean {
  const counts = new Map<string, number>();
  const shape = ({ sizeBytes, extents }: ByteSource) =>
    extents.length === 1 && extents[0]?.lengthBytes === sizeBytes
      ? `${sizeBytes}`
      : JSON.stringify([sizeBytes, extents]);
  for (const content of contents) counts.set(shape(content), (counts.get(shape(content)) ?? 0) + 1);
  return (content) => content.extents.length > 0 && (counts.get(shape(content)) ?? 0) > 1;
}

const digestBytes = 1024 * 1024;

async function digestOf(content: ByteSource, signal: AbortSignal): Promise<string> {
  const buffer = new Uint8Array(Math.min(digestBytes, content.sizeBytes));
  const hash = createHash("sha256").update(JSON.stringify([content.sizeBytes, content.extents]));
  for (const { offsetBytes, lengthBytes } of content.extents)
    for (let at = 0; at < lengthBytes; at += digestBytes) {
      if (at > 0) await yieldToEvents();
      signal.throwIfAborted();
      const piece = buffer.subarray(0, Math.min(digestBytes, lengthBytes - at));
      content.read(piece, offsetBytes + at);
      hash.update(piece);
    }
  return hash.digest("base64");
}

/** A block that is being compressed. */
interface Pending {
  readonly result: ReturnType<BlockCompressor["compress"]>;
  /** Is told where it was put, in the order in which blocks were given. */
  place(startBytes: number, size: number): void;
}

/** Puts blocks one behind the other in the order in which they come, while several are compressed at once. */
class DataWriter {
  readonly #startBytes: number;
  readonly #blockBytes: number;
  readonly #compressor: BlockCompressor;
  readonly #spool = new Spool();
  readonly #pending: Pending[] = [];
  readonly #fragments: Fragment[] = [];
  #fragmentsBegun = 0;
  #tails: Uint8Array<ArrayBuffer> | undefined;
  #tailsUsed = 0;

  constructor(startBytes: number, blockBytes: number, compressor: BlockCompressor) {
    this.#startBytes = startBytes;
    this.#blockBytes = blockBytes;
    this.#compressor = compressor;
  }

  async add(content: ByteSource, signal: AbortSignal): Promise<FilePlace> {
    const { sizeBytes, extents } = content;
    const blockBytes = this.#blockBytes;
    const blocks: number[] = [];
    const data = { startBytes: 0 };
    let sparseBytes = 0;
    let tail: Tail | undefined;
    let extent = 0;
    for (let at = 0; at < sizeBytes; at += blockBytes) {
      const length = Math.min(blockBytes, sizeBytes - at);
      while (extent < extents.length && endOf(extents[extent] as Extent) <= at) extent++;
      let block: Uint8Array<ArrayBuffer> | undefined;
      if ((extents[extent]?.offsetBytes ?? sizeBytes) < at + length) {
        signal.throwIfAborted();
        block = this.#compressor.block();
        readData(block.subarray(0, length), content, at, extent);
      }
      if (block === undefined || isZero(block.subarray(0, length))) {
        if (block !== undefined) this.#release(block);
        blocks.push(0);
        sparseBytes += length;
      } else if (length < blockBytes) {
        tail = await this.#addTail(block.subarray(0, length));
        this.#release(block);
      } else {
        const index = blocks.push(0) - 1;
        await this.#compress(block, (startBytes, size) => {
          if (data.startBytes === 0) data.startBytes = startBytes;
          blocks[index] = size;
        });
      }
    }
    return Object.assign(data, { blocks, tail, sparseBytes });
  }

  async finish(): Promise<Pick<DataPlan, "source" | "fragments">> {
    await this.#endFragment();
    while (this.#pending.length > 0) await this.#settle();
    return { source: this.#spool.finish(), fragments: this.#fragments };
  }

  discard(): void {
    for (const { result } of this.#pending) result.catch(() => {});
    this.#spool.discard();
  }

  async #addTail(bytes: Uint8Array): Promise<Tail> {
    if (this.#tailsUsed + bytes.length > this.#blockBytes) await this.#endFragment();
    this.#tails ??= this.#compressor.block();
    const tail = { fragment: this.#fragmentsBegun, offset: this.#tailsUsed };
    this.#tails.set(bytes, this.#tailsUsed);
    this.#tailsUsed += bytes.length;
    return tail;
  }

  async #endFragment(): Promise<void> {
    const block = this.#tails?.subarray(0, this.#tailsUsed);
    if (block === undefined) return;
    const index = this.#fragmentsBegun++;
    this.#tails = undefined;
    this.#tailsUsed = 0;
    await this.#compress(block, (start, size) => {
      this.#fragments[index] = { start, size };
    });
  }

  async #compress(block: Uint8Array<ArrayBuffer>, place: Pending["place"]): Promise<void> {
    if (this.#pending.length >= this.#compressor.blocksAtOnce) await this.#settle();
    const result = this.#compressor.compress(block);
    // Whoever waits for it may do so only after others that failed.
    result.catch(() => {});
    this.#pending.push({ result, place });
  }

  /** Waits for the oldest block. */
  async #settle(): Promise<void> {
    const { result, place } = this.#pending.shift() as Pending;
    const compressed = await result;
    const { bytes, isStored } = compressed;
    place(this.#startBytes + this.#spool.sizeBytes, bytes.length | (isStored ? dataStored : 0));
    this.#spool.append(bytes);
    this.#compressor.release(compressed);
  }

  #release(bytes: Uint8Array<ArrayBuffer>): void {
    this.#compressor.release({ bytes, isStored: true });
  }
}

/** Fills a block from what holds data in it, from extent number `first` on. */
function readData(target: Uint8Array, content: ByteSource, atBytes: number, first: number): void {
  let filled = 0;
  for (let index = first; index < content.extents.length && filled < target.length; index++) {
    const extent = content.extents[index] as Extent;
    const from = Math.max(0, extent.offsetBytes - atBytes);
    const to = Math.min(target.length, endOf(extent) - atBytes);
    if (from >= target.length) break;
    target.fill(0, filled, from);
    content.read(target.subarray(from, to), atBytes + from);
    filled = to;
  }
  target.fill(0, filled);
}

function endOf({ offsetBytes, lengthBytes }: Extent): number {
  return offsetBytes + lengthBytes;
}
