import type { ByteSource } from "../../core/byte-source.ts";
import { type FatBits, firstCluster } from "./fat-format.ts";
import type { Run } from "./fat-table.ts";
import type { FatVolume } from "./fat-volume.ts";

/** A multiple of three and of four bytes, so that no entry lies in two windows. */
const windowBytes = 48 * 1024;
const mostWindows = 128;

/** Values from `bad` on do not go on: a bad cluster, or, above it, the end of a chain. */
const badMark: Readonly<Record<FatBits, number>> = { 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 };

export interface Chain {
  readonly runs: readonly Run[];
  readonly clusters: number;
  /** Why it ends too early, in words that follow "its chain of clusters". */
  readonly fault: string | undefined;
}

/** The table of an image. Each cluster belongs to one chain, so following all of them takes as many steps as there are clusters. */
export class ChainReader {
  readonly #entryOf: (cluster: number) => number;
  readonly #bits: FatBits;
  readonly #end: number;
  readonly #claimed: Uint8Array;
  claimedClusters = 0;

  constructor(source: ByteSource, { bits, clusters, tableOffsetBytes, tableBytes }: FatVolume) {
    this.#entryOf = openTable(source, bits, tableOffsetBytes, tableBytes);
    this.#bits = bits;
    this.#end = clusters + firstCluster;
    this.#claimed = new Uint8Array(Math.ceil(this.#end / 8));
  }

  entry(index: number): number {
    return this.#entryOf(index);
  }

  follow(first: number): Chain {
    const runs: { first: number; count: number }[] = [];
    let clusters = 0;
    let fault: string | undefined;
    for (let at = first; ; ) {
      fault = this.#whyNot(at, clusters === 0);
      if (fault !== undefined) break;
      this.#claim(at);
      clusters++;
      const last = runs.at(-1);
      if (last !== undefined && last.first + last.count === at) last.count++;
      else runs.push({ first: at, count: 1 });
      const next = this.#entryOf(at);
      if (next > badMark[this.#bits]) break;
      at = next;
    }
    return { runs, clusters, fault };
  }

  #whyNot(cluster: number, isFirst: boolean): string | undefined {
    if (cluster === badMark[this.#bits]) return "leads to a bad cluster";
    if (cluster === 0 && !isFirst) return "ends without an end";
    if (cluster < firstCluster || cluster >= this.#end) return `leads to cluster ${cluster}, which there is not`;
    if (((this.#claimed[cluster >> 3] as number) & (1 << (cluster & 7))) !== 0)
      return `leads to cluster ${cluster}, which is in use already`;
    return undefined;
  }

  #claim(cluster: number): void {
    this.#claimed[cluster >> 3] = (this.#claimed[cluster >> 3] as number) | (1 << (cluster & 7));
    this.claimedClusters++;
  }
}

/** Entries by number. What lies past the end of the image reads as zero. */
function openTable(source: ByteSource, bits: FatBits, tableOffset: number, tableBytes: number) {
  const windows = new Map<number, DataView>();
  const windowAt = (index: number): DataView => {
    const known = windows.get(index);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(windowBytes);
    const offset = tableOffset + index * windowBytes;
    const end = Math.min(source.sizeBytes, tableOffset + tableBytes, offset + windowBytes);
    if (end > offset) source.read(bytes.subarray(0, end - offset), offset);
    const [oldest] = windows.keys();
    if (windows.size >= mostWindows && oldest !== undefined) windows.delete(oldest);
    const view = new DataView(bytes.buffer);
    windows.set(index, view);
    return view;
  };
  return (cluster: number): number => {
    const at = Math.floor((cluster * bits) / 8);
    const view = windowAt(Math.floor(at / windowBytes));
    const inside = at % windowBytes;
    if (bits === 32) return view.getUint32(inside, true) & 0x0fffffff;
    if (bits === 16) return view.getUint16(inside, true);
    const pair = view.getUint16(inside, true);
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  };
}
