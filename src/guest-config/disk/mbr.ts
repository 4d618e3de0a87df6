import { alignDown, type Refusal, type Sectors, type TablePlan, viewOf, type Wanted } from "./sectors.ts";

/** Four entries of 16 bytes: status, CHS of the start, type, CHS of the end, first sector, count of sectors (both 32 bits). */
const entriesOffset = 446;
const entryBytes = 16;
const extendedTypes = [0x05, 0x0f, 0x85];
const mostSectors = 2 ** 32;
export const protectiveType = 0xee;

export interface MbrEntry {
  readonly number: number;
  /** Zero: the slot is free. */
  readonly type: number;
  readonly startLba: number;
  readonly count: number;
}

/** The four slots; undefined if the sector is no MBR. */
export function readMbrEntries(sector: Uint8Array): MbrEntry[] | undefined {
  if (sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = viewOf(sector);
  return [1, 2, 3, 4].map((number) => {
    const at = entriesOffset + (number - 1) * entryBytes;
    const count = view.getUint32(at + 12, true);
    return {
      number,
      type: count === 0 ? 0 : (sector[at + 4] as number),
      startLba: view.getUint32(at + 8, true),
      count,
    };
  });
}

/** Changes an entry's size, and its last cylinder, head and sector with it. */
export function resizeMbrEntry(sector: Uint8Array, number: number, startLba: number, count: number): void {
  const at = entriesOffset + (number - 1) * entryBytes;
  viewOf(sector).setUint32(at + 12, count, true);
  sector.set(chsOf(startLba + count - 1), at + 5);
}

export function writeMbrEntry(sector: Uint8Array, entry: MbrEntry): void {
  const at = entriesOffset + (entry.number - 1) * entryBytes;
  sector.set([0, ...chsOf(entry.startLba), entry.type], at);
  viewOf(sector).setUint32(at + 8, entry.startLba, true);
  resizeMbrEntry(sector, entry.number, entry.startLba, entry.count);
}

/** The address for 255 heads and 63 sectors, as everybody reckons; the largest one for what ten bits of cylinder do not reach, which keeps starts at or before ends. */
function chsOf(lba: number): [number, number, number] {
  const cylinder = Math.floor(lba / (255 * 63));
  if (cylinder > 1023) return [0xfe, 0xff, 0xff];
  return [Math.floor(lba / 63) % 255, ((cylinder >> 2) & 0xc0) | ((lba % 63) + 1), cylinder & 0xff];
}

/** One sector holds it all, so that there is one write: the old table or the new one. */
export function planMbr(sector: Uint8Array, disk: Sectors, wanted: Wanted): TablePlan | Refusal {
  const entries = readMbrEntries(sector)?.filter(({ type }) => type !== 0);
  if (entries === undefined) return { reason: "its disk has no partition table that is known", isProblem: true };
  if (wanted.number > 4) return { reason: "it is a logical partition, which only its container could make room for" };
  const entry = entries.find(({ number }) => number === wanted.number);
  if (entry === undefined || entry.startLba !== wanted.startLba)
    return { reason: "the kernel knows another partition table than the disk has", isProblem: true };
  if (extendedTypes.includes(entry.type)) return { reason: "it holds logical partitions" };
  const { startLba, number } = entry;
  const next = entries.find((other) => other !== entry && other.startLba + other.count > startLba + entry.count);
  if (next !== undefined) return { reason: `partition ${next.number} lies behind it` };
  if (entries.some((other) => other !== entry && other.startLba + other.count > startLba))
    return { reason: "another partition overlaps it", isProblem: true };
  const isLimited = disk.count > mostSectors;
  const endLba = alignDown(Math.min(disk.count, mostSectors), disk.sectorBytes);
  const sectorCount = Math.max(entry.count, Math.min(endLba - startLba, mostSectors - 1));
  const limit = isLimited ? `an MBR has no more than ${disk.sectorBytes / 256} TiB` : undefined;
  if (sectorCount === entry.count) return { writes: [], sectorCount, limit };
  const changed = sector.slice();
  resizeMbrEntry(changed, number, startLba, sectorCount);
  return { writes: [{ lba: 0, bytes: changed }], sectorCount, limit };
}
