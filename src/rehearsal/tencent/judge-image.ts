import type { ImportFacts } from "../import-facts.ts";
import type { Examined } from "./world.ts";

const GiB = 1024 ** 3;
const formats = ["raw", "vhd", "qcow2", "vmdk"];
/** Document 213/4945: 50 GB used and 500 GB of the disk, after the conversion to qcow2. */
const mostDataBytes = 50e9;
const mostDiskBytes = 500e9;

/**
 * What an import makes of a file, in the words in which the account's owner is written to (document 213/4945, "Failure codes"). `Force` lets an image in that has no
 * cloud-init; nothing else.
 */
export function judgeTencentImage(facts: ImportFacts, isForced: boolean): Examined {
  const failure = failureOf(facts, isForced);
  return { sizeGib: Math.max(1, Math.ceil(facts.virtualSizeBytes / GiB)), ...(failure !== undefined && { failure }) };
}

function failureOf(facts: ImportFacts, isForced: boolean): string | undefined {
  const { format, virtualSizeBytes, fileSizeBytes, dataBytes = fileSizeBytes, isWhole, damage } = facts;
  if (!formats.includes(format) || !isWhole || damage !== undefined) return "InvalidFormatSize";
  if (virtualSizeBytes > mostDiskBytes || dataBytes > mostDataBytes) return "InvalidFormatSize";
  if (facts.table === undefined) return "PartitionNotPresent";
  if (!facts.hasRoot) return "RootPartitionNotFound";
  if (!facts.hasVirtio) return "VirtioNotInstall";
  return facts.hasCloudInit || isForced ? undefined : "CloudInitNotInstalled";
}
