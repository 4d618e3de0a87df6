import { crc32 } from "./crc32.ts";
import { type MbrEntry, protectiveType, writeMbrEntry } from "./mbr.ts";
import { alignDown, type Sectors, type SectorWrite, setU64, viewOf } from "./sectors.ts";

export interface NewPartition {
  readonly startLba: number;
  readonly count: number;
  /** MBR: 0x83. GPT: a GUID in lower case. */
  readonly type: number | string;
}

export type TableKind = "mbr" | "gpt";
type Geometry = Pick<Sectors, "sectorBytes" | "count">;

const entryCount = 128;
const entryBytes = 128;

/** What a new table needs at the end of the disk, in sectors. */
function entrySectors({ sectorBytes }: Geometry): number {
  return (entryCount * entryBytes) / sectorBytes;
}

/**
 * One partition behind the other, from 1 MiB on, each a part of the disk in per cent. The last one of an MBR, or of a list that fills the disk, gets all that is left,
 * as in cloud-init. Undefined if there is no room for one.
 */
export function layOut(
  disk: Geometry,
  kind: TableKind,
  wanted: readonly { readonly percent: number; readonly type: number | string }[],
): NewPartition[] | undefined {
  const end = kind === "gpt" ? disk.count - 1 - entrySectors(disk) : Math.min(disk.count, 2 ** 32);
  const endLba = alignDown(end, disk.sectorBytes);
  const sum = wanted.reduce((total, { percent }) => total + percent, 0);
  let startLba = 1024 ** 2 / disk.sectorBytes;
  const placed = wanted.map(({ percent, type }, index) => {
    const isRest = index === wanted.length - 1 && (kind === "mbr" || sum >= 99);
    const size = alignDown(Math.round((disk.count * percent) / 100), disk.sectorBytes);
    const count = isRest ? endLba - startLba : Math.min(size, endLba - startLba);
    startLba += count;
    return { startLba: startLba - count, count, type };
  });
  return placed.every(({ count }) => count > 0) ? placed : undefined;
}

/** A table for a disk whose content is given up, the first sector last: until then the disk has no table. */
export function newTable(
  disk: Geometry,
  kind: TableKind,
  partitions: readonly NewPartition[],
  random: (count: number) => Uint8Array,
): SectorWrite[] {
  const { sectorBytes, count } = disk;
  const sector = new Uint8Array(sectorBytes);
  sector.set([0x55, 0xaa], 510);
  const blank = new Uint8Array((1 + entrySectors(disk)) * sectorBytes);
  if (kind === "mbr") {
    sector.set(random(4), 440);
    for (const [index, { startLba, count: size, type }] of partitions.entries())
      writeMbrEntry(sector, { number: index + 1, type: Number(type), startLba, count: size });
    // A GPT that was there would win over the new table with some programs.
    return [
      { lba: count - blank.length / sectorBytes, bytes: blank },
      { lba: 1, bytes: blank },
      { lba: 0, bytes: sector },
    ];
  }
  const entries = new Uint8Array(entryCount * entryBytes);
  const view = viewOf(entries);
  for (const [index, { startLba, count: size, type }] of partitions.entries()) {
    entries.set(guidBytes(String(type)), index * entryBytes);
    entries.set(randomGuid(random), index * entryBytes + 16);
    setU64(view, index * entryBytes + 32, startLba);
    setU64(view, index * entryBytes + 40, startLba + size - 1);
  }
  const diskGuid = randomGuid(random);
  const backupEntriesLba = count - 1 - entrySectors(disk);
  const header = (myLba: number, alternateLba: number, entriesLba: number) => {
    const bytes = new Uint8Array(sectorBytes);
    const fields = viewOf(bytes);
    bytes.set([..."EFI PART"].map((letter) => letter.charCodeAt(0)));
    for (const [offset, value] of [
      [8, 0x10000],
      [12, 92],
      [80, entryCount],
      [84, entryBytes],
      [88, crc32(entries)],
    ] as const)
      fields.setUint32(offset, value, true);
    const places = [myLba, alternateLba, 2 + entrySectors(disk), backupEntriesLba - 1];
    for (const [index, lba] of places.entries()) setU64(fields, 24 + index * 8, lba);
    bytes.set(diskGuid, 56);
    setU64(fields, 72, entriesLba);
    fields.setUint32(16, crc32(bytes.subarray(0, 92)), true);
    return bytes;
  };
  const protective: MbrEntry = {
    number: 1,
    type: protectiveType,
    startLba: 1,
    count: Math.min(count - 1, 2 ** 32 - 1),
  };
  writeMbrEntry(sector, protective);
  return [
    { lba: backupEntriesLba, bytes: entries },
    { lba: count - 1, bytes: header(count - 1, 1, backupEntriesLba) },
    { lba: 2, bytes: entries },
    { lba: 1, bytes: header(1, count - 1, 2) },
    { lba: 0, bytes: sector },
  ];
}

/** Of version 4 (RFC 9562, section 5.4), in the order of bytes on the disk. */
function randomGuid(random: (count: number) => Uint8Array): Uint8Array {
  const bytes = random(16).slice();
  bytes[7] = ((bytes[7] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes;
}

/** The first three groups are little-endian on the disk (UEFI 2.10, appendix A). */
function guidBytes(guid: string): number[] {
  const bytes =
    guid
      .replaceAll("-", "")
      .match(/../g)
      ?.map((digits) => Number.parseInt(digits, 16)) ?? [];
  return [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map((index) => bytes[index] as number);
}
