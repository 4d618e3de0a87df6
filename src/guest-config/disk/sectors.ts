/** A disk, in its own logical sectors. */
export interface Sectors {
  readonly sectorBytes: number;
  /** How many there are. */
  readonly count: number;
  /** Undefined if they cannot be read, all of them. */
  read(lba: number, count: number): Uint8Array | undefined;
}

export interface SectorWrite {
  readonly lba: number;
  readonly bytes: Uint8Array;
}

/** The partition that is to reach the disk's end, as the kernel knows it. */
export interface Wanted {
  readonly number: number;
  readonly startLba: number;
}

/** What makes a table's partition larger. Written in this order, a whole table is on the disk after each write and after each part of one. */
export interface TablePlan {
  readonly writes: readonly SectorWrite[];
  /** Of the partition, in the end. */
  readonly sectorCount: number;
  /** Why it does not reach the end of the disk. */
  readonly limit?: string | undefined;
}

/** Why a partition stays as it is, for a sentence: `vda2 lies behind it`. */
export interface Refusal {
  readonly reason: string;
  /** The table is damaged, or of a kind that we do not know: somebody should look. */
  readonly isProblem?: boolean | undefined;
}

/** A little-endian view of bytes. Numbers of 64 bits are exact up to 2^53, far beyond every disk. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

export function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

export function sameBytes(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && first.every((byte, index) => byte === second[index]);
}

/** The last whole MiB before a sector: partitions start and end at those, for the sake of disks whose real blocks are large. */
export function alignDown(lba: number, sectorBytes: number): number {
  const alignment = 1024 ** 2 / sectorBytes;
  return Math.floor(lba / alignment) * alignment;
}
