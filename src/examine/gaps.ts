import type { ReadTable } from "../build/partitions/partition-table.ts";
import type { ByteSource, Extent } from "../core/byte-source.ts";
import { sliceSource } from "../core/byte-source.ts";
import { isZero } from "../core/checksums.ts";

const sectorBytes = 512;
/** Protective MBR, header and 128 entries of 128 bytes (UEFI 2.10 §5.3); at the end the same without the MBR. */
const gptHeadBytes = 34 * sectorBytes;
const gptTailBytes = 33 * sectorBytes;

/** The ranges of a disk that belong to no partition and not to the table either, ascending. */
export function gapsOf(diskBytes: number, table: Pick<ReadTable, "name" | "partitions">): Extent[] {
  const isGpt = table.name === "gpt";
  const end = isGpt ? Math.max(0, diskBytes - gptTailBytes) : diskBytes;
  const gaps: Extent[] = [];
  let at = isGpt ? gptHeadBytes : sectorBytes;
  const sorted = table.partitions.toSorted((a, b) => a.startBytes - b.startBytes);
  for (const { startBytes, sizeBytes } of sorted) {
    if (startBytes > at && at < end) gaps.push({ offsetBytes: at, lengthBytes: Math.min(startBytes, end) - at });
    at = Math.max(at, startBytes + sizeBytes);
  }
  if (at < end) gaps.push({ offsetBytes: at, lengthBytes: end - at });
  return gaps;
}

/** The ranges that the table itself takes, but for the boot code in the first sector. */
export function tableRanges(diskBytes: number, { name }: Pick<ReadTable, "name">): Extent[] {
  const codeBytes = 440;
  const head = {
    offsetBytes: codeBytes,
    lengthBytes: Math.min(name === "gpt" ? gptHeadBytes : sectorBytes, diskBytes) - codeBytes,
  };
  if (name !== "gpt" || diskBytes < gptHeadBytes + gptTailBytes) return [head];
  return [head, { offsetBytes: diskBytes - gptTailBytes, lengthBytes: gptTailBytes }];
}

/** How much of a range is read at once. */
const windowBytes = 1024 * 1024;

/** The first and last byte of a source that are not zero, in whole sectors; undefined if there are none. */
function dataSpan(source: ByteSource): Extent | undefined {
  let first: number | undefined;
  let last = 0;
  const buffer = new Uint8Array(Math.min(windowBytes, source.sizeBytes));
  for (const { offsetBytes, lengthBytes } of source.extents)
    for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += windowBytes) {
      const bytes = buffer.subarray(0, Math.min(windowBytes, offsetBytes + lengthBytes - at));
      source.read(bytes, at);
      if (isZero(bytes)) continue;
      for (let sector = 0; sector < bytes.length; sector += sectorBytes) {
        if (isZero(bytes.subarray(sector, sector + sectorBytes))) continue;
        first ??= at + sector;
        last = Math.min(at + sector + sectorBytes, source.sizeBytes);
      }
    }
  return first === undefined ? undefined : { offsetBytes: first, lengthBytes: last - first };
}

/** Gaps in which something was left or put, with where in them it lies. */
export function gapsWithData(disk: ByteSource, table: ReadTable): { readonly gap: Extent; readonly data: Extent }[] {
  return gapsOf(disk.sizeBytes, table).flatMap((gap) => {
    const span = dataSpan(sliceSource(disk, gap.offsetBytes, gap.lengthBytes));
    if (span === undefined) return [];
    return [{ gap, data: { offsetBytes: gap.offsetBytes + span.offsetBytes, lengthBytes: span.lengthBytes } }];
  });
}
