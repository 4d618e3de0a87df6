import { createHash } from "node:crypto";
import type { ByteSource } from "../../../src/core/byte-source.ts";

const windowBytes = 1_000_000;

/** SHA-256 of a disk, read as its extents say: what lies outside them is zero. Reads in pieces that fit no cluster. */
export function diskDigest({ sizeBytes, extents, read }: ByteSource): string {
  const hash = createHash("sha256");
  const zeros = new Uint8Array(windowBytes);
  const buffer = new Uint8Array(windowBytes);
  const addZeros = (lengthBytes: number) => {
    for (let left = lengthBytes; left > 0; left -= windowBytes)
      hash.update(zeros.subarray(0, Math.min(left, windowBytes)));
  };
  let at = 0;
  for (const { offsetBytes, lengthBytes } of extents) {
    if (offsetBytes < at || lengthBytes <= 0) throw new Error("extents are not in order");
    addZeros(offsetBytes - at);
    at = offsetBytes;
    for (const end = offsetBytes + lengthBytes; at < end; ) {
      const piece = buffer.subarray(0, Math.min(windowBytes, end - at));
      read(piece, at);
      hash.update(piece);
      at += piece.length;
    }
  }
  if (at > sizeBytes) throw new Error("extents reach behind the end");
  addZeros(sizeBytes - at);
  return hash.digest("hex");
}
