import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { SparseDisk } from "./sparse-disk.ts";

/** Changes of bytes of the table, most of them where something is. */
export const changes = fc.array(
  fc.tuple(
    fc.oneof(
      fc.integer({ min: 446, max: 511 }),
      fc.integer({ min: 512, max: 604 }),
      fc.integer({ min: 1024, max: 1280 }),
      fc.nat(17_407),
    ),
    fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xee, 0xff), fc.nat(255)),
  ),
  { minLength: 1, maxLength: 6 },
);

/** Where a table is, `list` of offset and value. */
export function mutate(disk: SparseDisk, list: readonly (readonly [number, number])[], isSealed: boolean): void {
  const bytes = new Uint8Array(34 * 512);
  disk.read(bytes, 0);
  for (const [offset, value] of list) bytes[offset] = value;
  if (isSealed) {
    // With check sums that fit, so that what they cover is looked at.
    const view = new DataView(bytes.buffer);
    const used = view.getUint32(592, true) * view.getUint32(596, true);
    view.setUint32(600, crc32(bytes.subarray(1024, 1024 + Math.min(used, 16_384))), true);
    view.setUint32(528, 0, true);
    view.setUint32(528, crc32(bytes.subarray(512, 512 + Math.min(512, view.getUint32(524, true)))), true);
  }
  disk.write(0, bytes);
}
