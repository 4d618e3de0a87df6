import type { Extent } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { struct, u16, u64 } from "../../core/struct.ts";

const sectorBytes = 512;
/** diskboot.img, the core's first sector, ends in a list of runs to load, growing downward; an empty one ends it (include/grub/i386/pc/boot.h). */
const firstEntryOffset = 0x1f4;
const entry = struct("GRUB block list entry", 12, "little", { startLba: u64(0), sectors: u16(8), segment: u16(10) });
/** Where the core's second sector is loaded to, in paragraphs of 16 bytes. */
const loadSegment = 0x820;

/**
 * Tells a core image where it is on the disk.
 *
 * @param core whole sectors; its first one is changed
 * @param runs where on the disk it is; what reaches beyond its end is left aside
 * Errors: `image/unsupported` if it is in too many pieces.
 */
export function setRuns(core: Uint8Array, runs: readonly Extent[]): void {
  const entries = entriesFor(runs, core.length);
  // Code ends where zeros begin, and one entry of zeros stays to end the list.
  const limit = firstEntryOffset - entry.size * entries.length;
  const free = core.subarray(limit, firstEntryOffset);
  if (limit < 0 || free.some((byte) => byte !== 0))
    fail(
      "image/unsupported",
      `cannot install GRUB: its core image is in ${runs.length} pieces, too many for its first sector`,
    );
  let segment = loadSegment;
  for (const [index, { startLba, sectors }] of entries.entries()) {
    entry.encodeInto(core, firstEntryOffset - index * entry.size, { startLba, sectors, segment });
    segment += (sectors * sectorBytes) / 16;
  }
}

/** All but the first sector, which the boot sector loads. */
function entriesFor(runs: readonly Extent[], coreBytes: number): { startLba: number; sectors: number }[] {
  const entries: { startLba: number; sectors: number }[] = [];
  let leftBytes = coreBytes;
  for (const { offsetBytes, lengthBytes } of runs) {
    const bytes = Math.min(lengthBytes, leftBytes);
    if (offsetBytes % sectorBytes !== 0 || bytes % sectorBytes !== 0)
      throw new RangeError("a core image lies in whole sectors");
    const skipped = leftBytes === coreBytes ? 1 : 0;
    const sectors = bytes / sectorBytes - skipped;
    if (sectors > 0) entries.push({ startLba: offsetBytes / sectorBytes + skipped, sectors });
    leftBytes -= bytes;
  }
  if (leftBytes > 0) throw new RangeError("a core image lies on the disk with all its bytes");
  return entries;
}
