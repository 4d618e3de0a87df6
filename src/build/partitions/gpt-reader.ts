import { crc32 } from "node:zlib";
import type { ByteSource } from "../../core/byte-source.ts";
import { formatGuid } from "../../core/guid.ts";
import { bootableAttribute, gptEntry, gptHeader, gptSignature, gptTypes, headerBytes } from "./gpt-format.ts";
import type { PartitionKind, ReadPartition, ReadTable } from "./partition-table.ts";

/** Of disks that pretend, and of disks that are honest (4Kn). */
const sectorSizes = [512, 4096] as const;
/** Far more than anybody writes, and little enough to read at once. */
const maxEntriesBytes = 4 * 1024 ** 2;

type Header = ReturnType<typeof gptHeader.decode>;

/** A GPT by its first copy, or by the backup at the disk's end if the first is damaged. */
export function readGpt(disk: ByteSource): ReadTable | undefined {
  for (const sectorBytes of sectorSizes) {
    const lastLba = Math.floor(disk.sizeBytes / sectorBytes) - 1;
    if (lastLba < 2) continue;
    const first = readCopy(disk, sectorBytes, 1);
    const backup = readCopy(disk, sectorBytes, lastLba);
    if (!isCopy(first) && !isCopy(backup)) continue;
    const copy = isWhole(first) ? first : isWhole(backup) ? backup : undefined;
    const problems = problemsOf(first, backup, lastLba);
    if (copy === undefined) return { name: "gpt", id: "", partitions: [], problems };
    const partitions = readEntries(copy, sectorBytes, disk.sizeBytes, problems);
    return { name: "gpt", id: formatGuid(copy.header.diskGuid), partitions, problems };
  }
  return undefined;
}

type Copy =
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly reason: string }
  | { readonly state: "whole"; readonly header: Header; readonly entries: Uint8Array };

function isCopy(copy: Copy): boolean {
  return copy.state !== "absent";
}

function isWhole(copy: Copy): copy is Extract<Copy, { state: "whole" }> {
  return copy.state === "whole";
}

function readCopy(disk: ByteSource, sectorBytes: number, lba: number): Copy {
  const sector = new Uint8Array(sectorBytes);
  disk.read(sector, lba * sectorBytes);
  if (!gptSignature.every((byte, index) => sector[index] === byte)) return { state: "absent" };
  const damaged = (reason: string): Copy => ({ state: "damaged", reason });
  let header: Header;
  try {
    header = gptHeader.decode(sector);
  } catch {
    return damaged("its numbers are impossible");
  }
  const { headerSize, headerCrc, myLba, entriesLba, entryCount, entrySize, entriesCrc } = header;
  if (headerSize < headerBytes || headerSize > sectorBytes) return damaged("its size is impossible");
  const zeroed = sector.slice(0, headerSize);
  zeroed.fill(0, 16, 20);
  if (crc32(zeroed) !== headerCrc) return damaged("its checksum is wrong");
  if (myLba !== lba) return damaged("it is not where it says it is");
  const entriesBytes = entryCount * entrySize;
  if (entrySize < gptEntry.size || entrySize % 8 !== 0 || entriesBytes > maxEntriesBytes)
    return damaged("its entries have an impossible size");
  if (entriesLba * sectorBytes + entriesBytes > disk.sizeBytes) return damaged("its entries lie outside the disk");
  const entries = new Uint8Array(entriesBytes);
  disk.read(entries, entriesLba * sectorBytes);
  if (crc32(entries) !== entriesCrc) return damaged("the checksum of its entries is wrong");
  return { state: "whole", header, entries };
}

function problemsOf(first: Copy, backup: Copy, lastLba: number): string[] {
  const problems: string[] = [];
  if (first.state === "absent") problems.push("the primary GPT is missing");
  if (first.state === "damaged") problems.push(`the primary GPT is damaged: ${first.reason}`);
  if (backup.state === "damaged") problems.push(`the backup GPT is damaged: ${backup.reason}`);
  if (backup.state === "absent")
    problems.push(
      isWhole(first) && first.header.alternateLba < lastLba
        ? "the backup GPT is not at the end of the disk: the disk has grown"
        : "the backup GPT is missing",
    );
  if (isWhole(first) && isWhole(backup) && first.header.entriesCrc !== backup.header.entriesCrc)
    problems.push("the backup GPT has other partitions than the primary one");
  return problems;
}

const kindOfType = new Map(Object.entries(gptTypes).map(([kind, type]) => [type, kind as PartitionKind] as const));

function readEntries(
  { header, entries }: Extract<Copy, { state: "whole" }>,
  sectorBytes: number,
  diskSizeBytes: number,
  problems: string[],
): ReadPartition[] {
  const found: ReadPartition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const bytes = entries.subarray(index * header.entrySize, (index + 1) * header.entrySize);
    if (bytes.subarray(0, 16).every((byte) => byte === 0)) continue;
    const number = index + 1;
    const entry = decodeEntry(bytes);
    const endBytes = ((entry?.lastLba ?? 0) + 1) * sectorBytes;
    if (entry === undefined || entry.lastLba < entry.firstLba || endBytes > diskSizeBytes) {
      problems.push(`partition ${number} reaches past the end of the disk`);
      continue;
    }
    const type = formatGuid(entry.type);
    found.push({
      number,
      startBytes: entry.firstLba * sectorBytes,
      sizeBytes: endBytes - entry.firstLba * sectorBytes,
      type,
      kind: kindOfType.get(type),
      bootable: ((entry.attributes[0] as number) & bootableAttribute) !== 0,
      name: (Buffer.from(entry.name).toString("utf16le").split("\0")[0] as string).replace(/\p{Cc}/gu, "\ufffd"),
      id: formatGuid(entry.guid),
    });
  }
  return found;
}

function decodeEntry(bytes: Uint8Array): ReturnType<typeof gptEntry.decode> | undefined {
  try {
    return gptEntry.decode(bytes);
  } catch {
    return undefined;
  }
}
