/** Bytes that wait to be sent, and sent again until somebody has them. */
export interface ByteQueue {
  readonly lengthBytes: () => number;
  push(bytes: Buffer): void;
  /** A copy of, or a view into, what lies `offset` behind the front; at most `length` bytes. */
  peek(offset: number, length: number): Buffer;
  /** Forgets bytes at the front. */
  drop(length: number): void;
}

/** Small writes are put together up to this, so that there are never many pieces. */
const pieceBytes = 16 * 1024;

export function byteQueue(): ByteQueue {
  let pieces: Buffer[] = [];
  let dropped = 0;
  let length = 0;
  return {
    lengthBytes: () => length,
    push(bytes) {
      if (bytes.length === 0) return;
      length += bytes.length;
      const last = pieces.at(-1);
      if (last === undefined || last.length + bytes.length > pieceBytes) pieces.push(bytes);
      else pieces[pieces.length - 1] = Buffer.concat([last, bytes]);
    },
    peek(offset, wanted) {
      let skip = dropped + offset;
      let left = Math.min(wanted, length - offset);
      const found: Buffer[] = [];
      for (const piece of pieces) {
        if (left <= 0) break;
        if (skip >= piece.length) {
          skip -= piece.length;
          continue;
        }
        const part = piece.subarray(skip, skip + left);
        found.push(part);
        left -= part.length;
        skip = 0;
      }
      return found.length === 1 ? (found[0] as Buffer) : Buffer.concat(found);
    },
    drop(count) {
      length -= count;
      dropped += count;
      let gone = 0;
      while (gone < pieces.length && dropped >= (pieces[gone] as Buffer).length)
        dropped -= (pieces[gone++] as Buffer).length;
      if (gone > 0) pieces = pieces.slice(gone);
    },
  };
}
