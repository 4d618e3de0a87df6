/** By the number of the last three bytes that looked like calls, as bits: whether a call may be here, and which byte of its address they reach. */
const allowed = [true, true, true, false, true, false, false, false];
const reachedByte = [0, 1, 2, 2, 3, 3, 3, 3];

/**
 * Undoes xz's filter for programs of x86, in place: it makes the addresses of calls, which are alike wherever they are called from, out of
 * distances (Linux, lib/xz/xz_dec_bcj.c, bcj_x86).
 */
export function unfilterX86(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let mask = 0;
  let last = -1;
  for (let at = 0; at < bytes.length - 4; at++) {
    if (((bytes[at] as number) & 0xfe) !== 0xe8) continue;
    const distance = at - last;
    last = at;
    mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7;
    if (mask !== 0) {
      const reached = bytes[at + 4 - (reachedByte[mask] as number)] as number;
      if (allowed[mask] !== true || isSign(reached)) {
        mask = (mask << 1) | 1;
        continue;
      }
    }
    if (!isSign(bytes[at + 4] as number)) {
      mask = (mask << 1) | 1;
      continue;
    }
    view.setUint32(at + 1, distanceOf(view.getUint32(at + 1, true), at + 5, mask), true);
    at += 4;
  }
}

function distanceOf(address: number, from: number, mask: number): number {
  const shift = 8 * (reachedByte[mask] as number);
  let distance = (address - from) >>> 0;
  while (mask !== 0 && isSign((distance >>> (24 - shift)) & 0xff))
    distance = (((distance ^ (2 ** (32 - shift) - 1)) >>> 0) - from) >>> 0;
  // 25 bits with their sign.
  return ((distance << 7) >> 7) >>> 0;
}

function isSign(byte: number): boolean {
  return byte === 0 || byte === 0xff;
}
