/** RFC 8878 section 3.1.1. */
const magic = 0xfd2fb528;

/** Length of the zstd frame at the start of these bytes, which go on with something else; undefined if there is none, or not all of it. */
export function zstdFrameBytes(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 6 || view.getUint32(0, true) !== magic) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const checksumBytes = (descriptor & 4) !== 0 ? 4 : 0;
  let at = 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return undefined;
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) !== 0;
    const type = (header >>> 1) & 3;
    // A block of one byte repeated has only that byte.
    at += 3 + (type === 1 ? 1 : header >>> 3);
  }
  at += checksumBytes;
  return at > bytes.length ? undefined : at;
}
