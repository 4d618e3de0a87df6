import { createHash, type Hash } from "node:crypto";

const zeros = new Uint8Array(1024 * 1024);

/** SHA-256 of bytes whose long runs of zeros need not be in memory. */
export class SparseSha256 {
  readonly #hash: Hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Takes as long as hashing data does: there is no short cut through SHA-256. */
  updateZeros(lengthBytes: number): void {
    for (let left = lengthBytes; left > 0; left -= zeros.length)
      this.#hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }

  /** 64 lower-case hexadecimal digits. The hash cannot be used any more. */
  digest(): string {
    return this.#hash.digest("hex");
  }
}

/**
 * Whether all bytes are zero. Most data shows in the first bytes that it is not; the rest is left to memcmp, which is
 * several times as fast as any loop of ours.
 */
export function isZero(bytes: Uint8Array): boolean {
  const { length } = bytes;
  if (length === 0) return true;
  if (bytes[0] !== 0 || bytes[length >>> 1] !== 0 || bytes[length - 1] !== 0) return false;
  for (let at = 0; at < length; at += zeros.length) {
    const piece = bytes.subarray(at, at + zeros.length);
    if (Buffer.compare(piece, zeros.subarray(0, piece.length)) !== 0) return false;
  }
  return true;
}
