import { crc32 } from "./crc32.ts";
import { protectiveType, readMbrEntries, resizeMbrEntry } from "./mbr.ts";
import {
  alignDown,
  getU64,
  type Refusal,
  type Sectors,
  type SectorWrite,
  sameBytes,
  setU64,
  type TablePlan,
  viewOf,
  type Wanted,
} from "./sectors.ts";

/** Fields of the header: UEFI 2.10, table 5.5. */
const at = {
  headerBytes: 12,
  headerCrc: 16,
  myLba: 24,
  alternateLba: 32,
  lastUsableLba: 48,
  entriesLba: 72,
  entryCount: 80,
  entryBytes: 84,
  entriesCrc: 88,
} as const;
/** Of an entry: table 5.6. */
const firstLbaOffset = 32;
const lastLbaOffset = 40;
/** Enough for 8192 entries; a header that says more is not believed. */
const mostEntriesBytes = 1024 ** 2;

interface Gpt {
  /** The header's whole sector. */
  readonly header: Uint8Array;
  /** In whole sectors. */
  readonly entries: Uint8Array;
  readonly entriesLba: number;
  readonly entryBytes: number;
  /** Those of the entries that count for the check sum. */
  readonly usedBytes: number;
}

/** Whether the first sector says that the disk has a GPT: the kernel asks the same (block/partitions/efi.c, is_pmbr_valid). */
export function isProtected(sector: Uint8Array): boolean {
  return readMbrEntries(sector)?.some(({ type, startLba }) => type === protectiveType && startLba === 1) ?? false;
}

/** The copy whose header is at `lba`, if header and entries are sound. */
function readGpt(disk: Sectors, lba: number): Gpt | undefined {
  const header = disk.read(lba, 1);
  if (header === undefined || String.fromCharCode(...header.subarray(0, 8)) !== "EFI PART") return undefined;
  const view = viewOf(header);
  const headerBytes = view.getUint32(at.headerBytes, true);
  const entryBytes = view.getUint32(at.entryBytes, true);
  const usedBytes = view.getUint32(at.entryCount, true) * entryBytes;
  const entriesLba = getU64(view, at.entriesLba);
  if (headerBytes < 92 || headerBytes > disk.sectorBytes || getU64(view, at.myLba) !== lba) return undefined;
  if (view.getUint32(at.headerCrc, true) !== headerCrc(header)) return undefined;
  if (entryBytes < 128 || entryBytes % 8 !== 0 || usedBytes === 0 || usedBytes > mostEntriesBytes) return undefined;
  const sectors = Math.ceil(usedBytes / disk.sectorBytes);
  if (entriesLba < 2 || entriesLba + sectors > disk.count) return undefined;
  const entries = disk.read(entriesLba, sectors);
  if (entries === undefined) return undefined;
  if (crc32(entries.subarray(0, usedBytes)) !== view.getUint32(at.entriesCrc, true)) return undefined;
  return { header, entries, entriesLba, entryBytes, usedBytes };
}

function headerCrc(header: Uint8Array): number {
  const copy = header.slice(0, viewOf(header).getUint32(at.headerBytes, true));
  viewOf(copy).setUint32(at.headerCrc, 0, true);
  return crc32(copy);
}

/**
 * A GPT is a header and a list of entries in other sectors, with the list's check sum in the header: no single write changes both, and Linux takes no second copy for a
 * broken first one. So the new backup is written first, then the first header is pointed at the backup's entries (one sector: the table is the new one from then on), then
 * the entries in front are changed, which nobody reads meanwhile, and the header is pointed back at them.
 */
export function planGpt(sector: Uint8Array, disk: Sectors, wanted: Wanted): TablePlan | Refusal {
  const table = readGpt(disk, 1);
  if (table === undefined) return { reason: "its disk's GPT is damaged", isProblem: true };
  const sectors = table.entries.length / disk.sectorBytes;
  const backupLba = disk.count - 1;
  const backupEntriesLba = backupLba - sectors;
  const isFront = table.entriesLba + sectors <= wanted.startLba;
  const frontLba = isFront ? table.entriesLba : 2;

  const entries = table.entries.slice();
  const view = viewOf(entries);
  const offset = (wanted.number - 1) * table.entryBytes;
  if (offset + table.entryBytes > table.usedBytes || getU64(view, offset + firstLbaOffset) !== wanted.startLba)
    return { reason: "the kernel knows another partition table than the disk has", isProblem: true };
  const lastLba = getU64(view, offset + lastLbaOffset);
  for (let other = 0; other + table.entryBytes <= table.usedBytes; other += table.entryBytes) {
    const isUsed = entries.subarray(other, other + 16).some((byte) => byte !== 0);
    if (isUsed && getU64(view, other + firstLbaOffset) < frontLba + sectors)
      return { reason: "a partition covers its disk's GPT", isProblem: true };
    if (!isUsed || other === offset) continue;
    const end = getU64(view, other + lastLbaOffset);
    if (end > lastLba) return { reason: `partition ${other / table.entryBytes + 1} lies behind it` };
    if (end >= wanted.startLba) return { reason: "another partition overlaps it", isProblem: true };
  }
  if (lastLba < wanted.startLba || lastLba >= backupEntriesLba)
    return { reason: "it reaches past the end of its disk", isProblem: true };
  // The power failed while a header that pointed at the backup's entries was in force: back to the front first, since the backup may have to move.
  if (!isFront)
    return {
      writes: [
        { lba: frontLba, bytes: entries },
        { lba: 1, bytes: pointedAt(table, frontLba) },
      ],
      sectorCount: lastLba - wanted.startLba + 1,
    };
  const newLastLba = Math.max(lastLba, alignDown(backupEntriesLba, disk.sectorBytes) - 1);
  setU64(view, offset + lastLbaOffset, newLastLba);

  const entriesCrc = crc32(entries.subarray(0, table.usedBytes));
  const headerFor = (myLba: number, alternateLba: number, entriesLba: number) => {
    const header = table.header.slice();
    const fields = viewOf(header);
    setU64(fields, at.myLba, myLba);
    setU64(fields, at.alternateLba, alternateLba);
    setU64(fields, at.entriesLba, entriesLba);
    setU64(fields, at.lastUsableLba, backupEntriesLba - 1);
    fields.setUint32(at.entriesCrc, entriesCrc, true);
    fields.setUint32(at.headerCrc, headerCrc(header), true);
    return header;
  };
  const sectorCount = newLastLba - wanted.startLba + 1;
  const backup = [
    { lba: backupEntriesLba, bytes: entries },
    { lba: backupLba, bytes: headerFor(backupLba, 1, backupEntriesLba) },
  ];
  const front = { lba: frontLba, bytes: entries };
  const change = [{ lba: 1, bytes: headerFor(1, backupLba, backupEntriesLba) }, front];
  const rest = [
    { lba: 1, bytes: headerFor(1, backupLba, frontLba) },
    { lba: 0, bytes: protectiveMbr(sector, disk, wanted.startLba, sectorCount) },
  ];
  const missing = (write: SectorWrite) => isMissing(disk, write);
  const writes = missing(front)
    ? [...backup.filter(missing), ...change, ...rest]
    : [...backup, ...rest].filter(missing);
  return { writes, sectorCount };
}

function pointedAt(table: Gpt, entriesLba: number): Uint8Array {
  const header = table.header.slice();
  setU64(viewOf(header), at.entriesLba, entriesLba);
  viewOf(header).setUint32(at.headerCrc, headerCrc(header), true);
  return header;
}

function isMissing(disk: Sectors, { lba, bytes }: SectorWrite): boolean {
  const present = disk.read(lba, bytes.length / disk.sectorBytes);
  return present === undefined || !sameBytes(present, bytes);
}

/** The MBR in front: the entry that protects the disk gets its new size, and one of a hybrid that shows our partition to old programs its. */
function protectiveMbr(sector: Uint8Array, disk: Sectors, startLba: number, sectorCount: number): Uint8Array {
  const changed = sector.slice();
  const entries = (readMbrEntries(sector) ?? []).filter(({ type }) => type !== 0);
  for (const { number, type, ...entry } of entries) {
    if (type === protectiveType && entries.length === 1) {
      resizeMbrEntry(changed, number, 1, Math.min(disk.count - 1, 2 ** 32 - 1));
      changed.set([0xff, 0xff, 0xff], 446 + (number - 1) * 16 + 5);
    } else if (type !== protectiveType && entry.startLba === startLba)
      resizeMbrEntry(changed, number, startLba, Math.min(sectorCount, 2 ** 32 - 1));
  }
  return changed;
}
