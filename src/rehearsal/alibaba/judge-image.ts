import type { ImportFacts } from "../import-facts.ts";
import type { ImageFileFacts } from "./image-file.ts";

const formats: Readonly<Record<string, ImageFileFacts["format"]>> = {
  ...{ qcow2: "QCOW2", vhd: "VHD", vmdk: "VMDK", raw: "RAW" },
};
/** `DiskImageSize` goes up to that. */
const mostDiskBytes = 2048 * 1024 ** 3;

/** What an import makes of a file, in the codes of `DescribeTaskAttribute`. Without cloud-init it goes on: keys never get in then. */
export function judgeAlibabaImage(facts: ImportFacts): ImageFileFacts {
  const problem = problemOf(facts);
  const { format, virtualSizeBytes } = facts;
  return { format: formats[format] ?? "RAW", virtualSizeBytes, ...(problem !== undefined && { problem }) };
}

function problemOf(facts: ImportFacts): ImageFileFacts["problem"] {
  const malformed = (message: string) => ({ code: "InvalidImageFormat.Malformed", message });
  const failed = (message: string) => ({ code: "ImportImageFailed", message });
  if (formats[facts.format] === undefined) return malformed("The format of the image file is not supported.");
  if (!facts.isWhole) return malformed("The image file needs another file.");
  if (facts.damage !== undefined) return malformed("The image file is damaged.");
  if (facts.virtualSizeBytes > mostDiskBytes)
    return { code: "InvalidImageSize", message: "The image is larger than 2048 GiB." };
  if (facts.table === undefined) return malformed("The image has no partition table.");
  if (!facts.hasRoot) return failed("The image has no system partition.");
  return facts.hasVirtio ? undefined : failed("The image has no virtio drivers.");
}
