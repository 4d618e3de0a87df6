import type { ByteSource } from "../../core/byte-source.ts";
import type { ChainReader } from "./fat-chains.ts";
import { bootSector32Struct, type FatBits, firstCluster, infoSectorStruct, infoSignatures } from "./fat-format.ts";
import type { FatVolume } from "./fat-volume.ts";

/** Free and bad clusters by the table. Where the image has a hole the table says "free". */
export function countClusters(
  source: ByteSource,
  table: ChainReader,
  volume: FatVolume,
): { free: number; bad: number } {
  const { bits, clusters, tableOffsetBytes } = volume;
  const badMark = { 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 }[bits];
  const lastIndex = firstCluster + clusters;
  let used = 0;
  let bad = 0;
  let next = firstCluster;
  for (const { offsetBytes, lengthBytes } of source.extents) {
    const from = Math.floor(((offsetBytes - tableOffsetBytes) * 8) / bits);
    const to = Math.ceil(((offsetBytes + lengthBytes - tableOffsetBytes) * 8) / bits);
    if (to <= next) continue;
    if (from >= lastIndex) break;
    for (next = Math.max(next, from); next < Math.min(to, lastIndex); next++) {
      const entry = table.entry(next);
      if (entry !== 0) used++;
      if (entry === badMark) bad++;
    }
  }
  return { free: clusters - used, bad };
}

/** The second entry's two upper bits are set while all is well: "cleanly unmounted", "no errors met". FAT12 has none. */
const cleanBits: Readonly<Record<FatBits, { clean: number; sound: number } | undefined>> = {
  12: undefined,
  16: { clean: 0x8000, sound: 0x4000 },
  32: { clean: 0x08000000, sound: 0x04000000 },
};

/** What the boot sector and the tables' first entries admit. */
export function flagProblems(table: ChainReader, { bits, state, media }: FatVolume): string[] {
  const problems: string[] = [];
  const flags = cleanBits[bits];
  const second = table.entry(1);
  if ((state & 1) !== 0 || (flags !== undefined && (second & flags.clean) === 0))
    problems.push("it has not been unmounted cleanly");
  if ((state & 2) !== 0 || (flags !== undefined && (second & flags.sound) === 0))
    problems.push("whoever used it last met errors on the disk");
  if ((table.entry(0) & 0xff) !== media) problems.push("its table and its boot sector disagree on the media byte");
  return problems;
}

const pieceBytes = 1 << 20;

/** Whether copies of the table, and of FAT32's boot sector, say the same; and what FSInfo says of free clusters. */
export function copyProblems(source: ByteSource, volume: FatVolume, freeClusters: number): string[] {
  const problems: string[] = [];
  if (volume.tablesAreEqual && !copiesAreEqual(source, volume)) problems.push("its tables differ");
  const backup = sectorAt(source, volume, volume.backupSector);
  // Linux and Windows keep "not unmounted" in the first alone.
  const withoutState = (bytes: Uint8Array) => bytes.with(bootSector32Struct.fields.state.offset, 0);
  const first = sectorAt(source, volume, 0);
  if (backup !== undefined && first !== undefined && Buffer.compare(withoutState(first), withoutState(backup)) !== 0)
    problems.push("its boot sector and the backup of it differ");
  const info = sectorAt(source, volume, volume.infoSector);
  if (info === undefined) return problems;
  const { freeClusters: told, ...signatures } = infoSectorStruct.decode(info);
  if (signatures.leadSignature !== infoSignatures.leadSignature) problems.push("its FSInfo sector is none");
  else if (told !== 0xffffffff && told !== freeClusters)
    problems.push(`its FSInfo sector says that ${told} clusters are free, and ${freeClusters} are`);
  return problems;
}

function copiesAreEqual(source: ByteSource, { fatCount, tableBytes, tableOffsetBytes }: FatVolume): boolean {
  // Linux and mtools never look at more than two.
  if (fatCount < 2) return true;
  for (const { offsetBytes, lengthBytes } of source.extents) {
    if (offsetBytes >= tableOffsetBytes + 2 * tableBytes) break;
    for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += pieceBytes) {
      const length = Math.min(pieceBytes, offsetBytes + lengthBytes - at);
      // What lies in either copy, as offsets in the first.
      for (const shift of [0, tableBytes]) {
        const from = Math.max(at - shift, tableOffsetBytes);
        const to = Math.min(at + length - shift, tableOffsetBytes + tableBytes);
        if (from < to && Buffer.compare(read(source, from, to), read(source, from + tableBytes, to + tableBytes)) !== 0)
          return false;
      }
    }
  }
  return true;
}

function sectorAt(source: ByteSource, { sectorBytes }: FatVolume, sector: number | undefined): Uint8Array | undefined {
  if (sector === undefined || (sector + 1) * sectorBytes > source.sizeBytes) return undefined;
  return read(source, sector * sectorBytes, sector * sectorBytes + bootSector32Struct.size);
}

/** Zeros where the image has ended. */
function read(source: ByteSource, from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  const end = Math.min(to, source.sizeBytes);
  if (end > from) source.read(bytes.subarray(0, end - from), from);
  return bytes;
}
