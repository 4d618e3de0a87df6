import { bytesSource, composeSource } from "../../core/byte-source.ts";
import { parseUuid } from "../../core/seed.ts";
import { bytes, struct, u32 } from "../../core/struct.ts";
import type { FileSystemPlan, FileSystemRequest } from "./filesystem-writer.ts";

/** The page size of the processors that we make images for; the header fills one page. */
const pageBytes = 4096;
/** Linux, include/linux/swap.h, union swap_header: behind 1024 bytes for boot code. The signature ends the page. */
const swapHeader = struct("swap header", pageBytes, "little", {
  version: u32(1024),
  lastPage: u32(1028),
  badPages: u32(1032),
  uuid: bytes(1036, 16),
  label: bytes(1052, 16),
  signature: bytes(pageBytes - 10, 10),
});

/** Swap space of `sizeBytes`, as mkswap(8) makes it. Holds no files. */
export function swapSpace(
  sizeBytes: number,
  { label, uuid }: Pick<FileSystemRequest, "label" | "uuid">,
): FileSystemPlan {
  const header = swapHeader.encode({
    version: 1,
    lastPage: Math.floor(sizeBytes / pageBytes) - 1,
    uuid: parseUuid(uuid),
    label: new TextEncoder().encode(label).subarray(0, 16),
    signature: new TextEncoder().encode("SWAPSPACE2"),
  });
  const source = composeSource(sizeBytes, [{ offsetBytes: 0, source: bytesSource(header) }]);
  return { source, freeBytes: sizeBytes - pageBytes, notes: [] };
}
