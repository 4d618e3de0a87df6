import { fail } from "../../core/errors.ts";
import { bytesAt } from "./block-source.ts";
import type { ImageFile } from "./image-reader.ts";
import { checksumOf, footerCookie, footerStruct, formatVersion, sectorBytes } from "./vhd-format.ts";
import { largestGeometry, sectorsOf } from "./vhd-geometry.ts";

export type VhdFooter = ReturnType<typeof footerStruct.decode>;

/** Makers whose disks are as large as their shape says: Virtual PC, and QEMU unless told otherwise (block/vpc.c). */
const makersThatMeanTheShape: readonly string[] = ["vpc ", "qemu"];

export function hasFooter({ source }: ImageFile): boolean {
  const { sizeBytes } = source;
  if (sizeBytes < footerStruct.size) return false;
  const cookie = Buffer.alloc(footerCookie.length);
  return [sizeBytes - footerStruct.size, 0].some((offsetBytes) => {
    source.read(cookie, offsetBytes);
    return cookie.toString("latin1") === footerCookie;
  });
}

/** The footer at the end; if that one is broken, its copy at the start of a disk that is not fixed. */
export function readFooter(file: ImageFile): { footer: VhdFooter; problems: string[] } {
  const { path, source } = file;
  const atEnd = validFooter(file, source.sizeBytes - footerStruct.size);
  const footer = atEnd ?? validFooter(file, 0);
  if (footer === undefined)
    fail("image/damaged", `cannot use ${path}: its VHD footer is broken`, { hint: "was it copied completely?" });
  if (footer.formatVersion >>> 16 !== formatVersion >>> 16)
    fail("image/unsupported", `cannot use ${path}: it is a VHD of version ${footer.formatVersion >>> 16}`);
  const problems = atEnd === undefined ? ["its footer is broken; the copy at its start was used"] : [];
  return { footer, problems };
}

/** The disk's size as its maker means it. */
export function sizeOf(footer: VhdFooter): { sizeBytes: number; problems: string[] } {
  const { cylinders, heads, sectorsPerTrack, creatorApplication } = footer;
  const bySize = Math.floor(Number(footer.currentSize) / sectorBytes) * sectorBytes;
  const sectors = sectorsOf({ cylinders, heads, sectorsPerTrack });
  const byShape = sectors * sectorBytes;
  const usesShape =
    makersThatMeanTheShape.includes(creatorApplication) && sectors > 0 && sectors < sectorsOf(largestGeometry);
  if (!usesShape) return { sizeBytes: bySize, problems: [] };
  const problem = `importers see one of two sizes: ${byShape} bytes by its shape, which its maker means, or ${bySize} bytes`;
  return { sizeBytes: byShape, problems: byShape === bySize ? [] : [problem] };
}

function validFooter(file: ImageFile, offsetBytes: number): VhdFooter | undefined {
  const bytes = bytesAt(file, offsetBytes, footerStruct.size, "footer");
  const footer = footerStruct.decode(bytes);
  const { offset } = footerStruct.fields.checksum;
  return footer.cookie === footerCookie && footer.checksum === checksumOf(bytes, offset) ? footer : undefined;
}
