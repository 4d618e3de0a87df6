import { lzma } from "@napi-rs/lzma";

export const dictionaryBytes = 64 * 1024;

/** Puts the header of a .lzma file in front of a raw stream with lc 3, lp 0, pb 2, so that other people's decoders read it: they check the size and the distances. */
export function lzmaFile(stream: Uint8Array, plainBytes: number): Uint8Array {
  const header = Buffer.alloc(13);
  header[0] = 3 + 9 * (0 + 5 * 2);
  header.writeUInt32LE(dictionaryBytes, 1);
  header.writeBigUInt64LE(BigInt(plainBytes), 5);
  return Buffer.concat([header, stream]);
}

/** Decodes with somebody else's decoder. */
export function decodeLzma(stream: Uint8Array, plainBytes: number): Buffer {
  return lzma.decompressSync(lzmaFile(stream, plainBytes));
}
