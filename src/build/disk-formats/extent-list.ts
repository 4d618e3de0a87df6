import type { Extent } from "../../core/byte-source.ts";

/** An image may be in any number of pieces; so many are told apart before small holes count as data. */
const mostExtents = 2 ** 18;

/** Collects the ranges that hold data, in ascending order, in bounded memory. */
export class ExtentList {
  readonly #list: { offsetBytes: number; lengthBytes: number }[] = [];
  /** Holes no longer than this are not told. */
  #slackBytes = 0;

  get extents(): readonly Extent[] {
    return this.#list;
  }

  add(offsetBytes: number, lengthBytes: number): void {
    if (lengthBytes <= 0) return;
    const last = this.#list.at(-1);
    if (last !== undefined && offsetBytes - (last.offsetBytes + last.lengthBytes) <= this.#slackBytes)
      last.lengthBytes = offsetBytes + lengthBytes - last.offsetBytes;
    else this.#list.push({ offsetBytes, lengthBytes });
    while (this.#list.length > mostExtents) this.#merge();
  }

  #merge(): void {
    this.#slackBytes = this.#slackBytes === 0 ? 65536 : this.#slackBytes * 4;
    const all = this.#list.splice(0);
    for (const { offsetBytes, lengthBytes } of all) this.add(offsetBytes, lengthBytes);
  }
}

/** Adds what another source has in ranges that are asked for in ascending order. */
export function inheritExtents(
  list: ExtentList,
  from: readonly Extent[],
): (startBytes: number, endBytes: number) => void {
  let index = 0;
  return (startBytes, endBytes) => {
    for (; index < from.length; index++) {
      const { offsetBytes, lengthBytes } = from[index] as Extent;
      if (offsetBytes >= endBytes) return;
      const start = Math.max(offsetBytes, startBytes);
      list.add(start, Math.min(offsetBytes + lengthBytes, endBytes) - start);
      if (offsetBytes + lengthBytes > endBytes) return;
    }
  };
}
