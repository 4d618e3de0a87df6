import { crc32 } from "node:zlib";
import { bytesSource, type Piece } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { parseGuid } from "../../core/guid.ts";
import { deriveUuid } from "../../core/seed.ts";
import {
  bootableAttribute,
  entryCount,
  gptEntry,
  gptHeader,
  gptRevision,
  gptSignature,
  gptTypes,
  headerBytes,
} from "./gpt-format.ts";
import { readGpt } from "./gpt-reader.ts";
import { encodeProtectiveMbr } from "./mbr.ts";
import type { PartitionTable, PlannedPartition, TableRequest } from "./partition-table.ts";

const sectorBytes = 512;
const entriesBytes = entryCount * gptEntry.size;
const entriesSectors = entriesBytes / sectorBytes;

/** GUID partition table: header and entries behind a protective MBR, and a second copy at the disk's end. */
export const gpt: PartitionTable = {
  name: "gpt",
  reserved: { startBytes: (2 + entriesSectors) * sectorBytes, endBytes: (1 + entriesSectors) * sectorBytes },
  plan: planGpt,
  read: readGpt,
};

function planGpt(request: TableRequest): Piece[] {
  const { diskSizeBytes, bootCode } = request;
  if (diskSizeBytes % sectorBytes !== 0) throw new RangeError("the disk is not made of whole sectors");
  const lastLba = diskSizeBytes / sectorBytes - 1;
  const entries = encodeEntries(request);
  const [first, second] = [
    { myLba: 1, alternateLba: lastLba, entriesLba: 2 },
    { myLba: lastLba, alternateLba: 1, entriesLba: lastLba - entriesSectors },
  ].map((place) => encodeHeader(request, place, entries, lastLba)) as [Uint8Array, Uint8Array];
  const at = (lba: number, content: Uint8Array): Piece => ({
    offsetBytes: lba * sectorBytes,
    source: bytesSource(content),
  });
  return [
    at(0, encodeProtectiveMbr(lastLba, bootCode)),
    at(1, first),
    at(2, entries),
    at(lastLba - entriesSectors, entries),
    at(lastLba, second),
  ];
}

function encodeHeader(
  { seed, diskGuid }: TableRequest,
  place: { myLba: number; alternateLba: number; entriesLba: number },
  entries: Uint8Array,
  lastLba: number,
): Uint8Array {
  const values = {
    ...place,
    signature: gptSignature,
    revision: gptRevision,
    headerSize: headerBytes,
    firstUsableLba: 2 + entriesSectors,
    lastUsableLba: lastLba - entriesSectors - 1,
    diskGuid: parseGuid(diskGuid ?? deriveUuid(seed, "gpt disk")),
    entryCount,
    entrySize: gptEntry.size,
    entriesCrc: crc32(entries),
  };
  const headerCrc = crc32(gptHeader.encode(values));
  const sector = new Uint8Array(sectorBytes);
  gptHeader.encodeInto(sector, 0, { ...values, headerCrc });
  return sector;
}

function encodeEntries({ partitions, diskSizeBytes, seed }: TableRequest): Uint8Array {
  const entries = new Uint8Array(entriesBytes);
  const taken: PlannedPartition[] = [];
  for (const partition of partitions) {
    const { number, startBytes, sizeBytes, name, kind, bootable } = partition;
    const endBytes = startBytes + sizeBytes;
    if (number < 1 || number > entryCount)
      fail("image/unsupported", `cannot make partition ${number}: the GPT has ${entryCount} entries`);
    if (startBytes % sectorBytes !== 0 || sizeBytes % sectorBytes !== 0 || sizeBytes === 0)
      throw new RangeError(`partition ${number} is not made of whole sectors`);
    if (startBytes < gpt.reserved.startBytes || endBytes > diskSizeBytes - gpt.reserved.endBytes)
      throw new RangeError(`partition ${number} leaves the disk or covers its table`);
    for (const other of taken) {
      if (other.number === number) throw new RangeError(`entry ${number} is taken twice`);
      if (startBytes < other.startBytes + other.sizeBytes && other.startBytes < endBytes)
        throw new RangeError(`partition ${number} overlaps another one`);
    }
    taken.push(partition);
    const text = Buffer.from(name, "utf16le");
    if (text.length > gptEntry.fields.name.size)
      fail("image/unsupported", `cannot name partition ${number} "${name}": a GPT has room for 36 characters`);
    gptEntry.encodeInto(entries, (number - 1) * gptEntry.size, {
      type: parseGuid(gptTypes[kind]),
      guid: parseGuid(partition.guid ?? deriveUuid(seed, `gpt partition ${number} ${name}`)),
      firstLba: startBytes / sectorBytes,
      lastLba: endBytes / sectorBytes - 1,
      attributes: Uint8Array.of(bootable ? bootableAttribute : 0),
      name: text,
    });
  }
  return entries;
}
