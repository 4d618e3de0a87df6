import { type FatBits, fixedMedia } from "./fat-format.ts";

/** Clusters that follow one another and belong to one chain. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

const endOfChain: Readonly<Record<FatBits, number>> = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff };

/** The table, as far as it is in use; each run is a chain. Clusters that no run has are free. */
export function encodeTable(bits: FatBits, runs: readonly Run[]): Uint8Array {
  const entries = runs.reduce((end, { first, count }) => Math.max(end, first + count), 2);
  const table = new Uint8Array(Math.ceil((entries * bits) / 8));
  const view = new DataView(table.buffer);
  const put = (cluster: number, value: number) => {
    if (bits === 32) view.setUint32(cluster * 4, value, true);
    else if (bits === 16) view.setUint16(cluster * 2, value, true);
    else putTwelve(table, cluster, value);
  };
  const end = endOfChain[bits];
  // All ones above the media byte; in the second entry too, which says "unmounted cleanly, no errors".
  put(0, end - 0xff + fixedMedia);
  put(1, end);
  for (const { first, count } of runs) {
    for (let cluster = first; cluster < first + count - 1; cluster++) put(cluster, cluster + 1);
    put(first + count - 1, end);
  }
  return table;
}

/** Two entries in three bytes. */
function putTwelve(table: Uint8Array, cluster: number, value: number): void {
  const at = cluster + (cluster >> 1);
  const [low, high] = [table[at] ?? 0, table[at + 1] ?? 0];
  if (cluster % 2 === 0) {
    table[at] = value & 0xff;
    table[at + 1] = (high & 0xf0) | (value >> 8);
  } else {
    table[at] = (low & 0x0f) | ((value & 0x0f) << 4);
    table[at + 1] = value >> 4;
  }
}
