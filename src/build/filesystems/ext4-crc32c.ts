/** The polynomial of Castagnoli, reflected (RFC 3720, appendix B.4). */
const polynomial = 0x82f63b78;

/** Eight tables: table k gives the effect of a byte that k more bytes follow, so that eight bytes go at once. */
const tables = makeTables();

/**
 * CRC-32C as ext4 uses it (fs/ext4/ext4.h, ext4_chksum): it begins with `seed` as it is and does not invert at the end. A chain of calls
 * continues with the value of the one before; the first seed is 0xffffffff.
 */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let crc = seed >>> 0;
  let at = 0;
  const { length } = bytes;
  for (; at + 8 <= length; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (tables[0x700 | (low & 0xff)] as number) ^
      (tables[0x600 | ((low >>> 8) & 0xff)] as number) ^
      (tables[0x500 | ((low >>> 16) & 0xff)] as number) ^
      (tables[0x400 | (low >>> 24)] as number) ^
      (tables[0x300 | (bytes[at + 4] as number)] as number) ^
      (tables[0x200 | (bytes[at + 5] as number)] as number) ^
      (tables[0x100 | (bytes[at + 6] as number)] as number) ^
      (tables[bytes[at + 7] as number] as number);
  }
  for (; at < length; at++) crc = (tables[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return crc >>> 0;
}

/** The same over one little-endian 32-bit number. */
export function crc32cOfNumber(seed: number, value: number): number {
  return crc32c(seed, Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24));
}

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[byte] = crc;
  }
  for (let index = 256; index < made.length; index++) {
    const before = made[index - 256] as number;
    made[index] = (before >>> 8) ^ (made[before & 0xff] as number);
  }
  return made;
}
