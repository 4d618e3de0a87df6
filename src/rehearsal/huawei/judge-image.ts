import type { ImportFacts } from "../import-facts.ts";
import type { ExaminedFile } from "./world.ts";

/**
 * What an import makes of a file. The service takes any disk that it can convert: whether a system is on it, and has the drivers, shows when an instance starts. Sizes
 * are judged by whoever knows the request.
 */
export function judgeHuaweiImage(facts: ImportFacts): ExaminedFile {
  const { format, virtualSizeBytes, fileSizeBytes } = facts;
  const reason = reasonOf(facts);
  return {
    ...{ format, virtualSizeBytes, fileSizeBytes },
    ...(reason !== undefined && { problem: { code: "IMG.0057", reason } }),
  };
}

function reasonOf({ format, isWhole, damage }: ImportFacts): string | undefined {
  if (format === "unknown") return "The format of the image file is not supported.";
  if (!isWhole) return "The image file needs another file.";
  return damage === undefined ? undefined : "The image file cannot be read.";
}
