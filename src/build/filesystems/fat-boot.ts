import { bytesSource, type Piece } from "../../core/byte-source.ts";
import {
  bootSector32Struct,
  bootSectorStruct,
  bootSignature,
  entryBytes,
  extendedSignature,
  firstCluster,
  fixedMedia,
  infoSectorStruct,
  infoSignatures,
  sectorBytes,
} from "./fat-format.ts";
import { type FatGeometry, fatCopies } from "./fat-geometry.ts";

export interface BootValues {
  readonly geometry: FatGeometry;
  readonly usedClusters: number;
  readonly hiddenSectors: number;
  readonly serial: number;
  /** Eleven characters. */
  readonly label: Uint8Array;
}

const infoSector = 1;
/** fatgen: "no value other than 6 is recommended". FSInfo is copied right behind it. */
const backupSector = 6;
/** Where the boot sector is kept once more. */
export function bootSectorCopies({ bits }: FatGeometry): readonly number[] {
  return bits === 32 ? [backupSector * sectorBytes] : [];
}

/** FAT32's boot code has three sectors; Windows signs the third too. */
const thirdSector = 2;

/** `int 0x18`: the BIOS tries the next device; if it comes back, the processor rests. */
const bootCode = Uint8Array.of(0xcd, 0x18, 0xf4, 0xeb, 0xfd);

/** The sectors before the tables. */
export function bootPieces(values: BootValues): Piece[] {
  const { geometry } = values;
  if (geometry.bits !== 32) return [{ offsetBytes: 0, source: bytesSource(encodeBootSector(values)) }];
  const group = new Uint8Array((thirdSector + 1) * sectorBytes);
  group.set(encodeBootSector32(values));
  group.set(encodeInfoSector(values), infoSector * sectorBytes);
  new DataView(group.buffer).setUint16(group.length - 2, bootSignature, true);
  const source = bytesSource(group);
  return [0, backupSector].map((sector) => ({ offsetBytes: sector * sectorBytes, source }));
}

function encodeBootSector(values: BootValues): Uint8Array {
  const { bits, fatSectors } = values.geometry;
  return bootSectorStruct.encode({
    ...parameters(values),
    jump: Uint8Array.of(0xeb, 0x3c, 0x90),
    fatSectors16: fatSectors,
    typeName: `FAT${bits}`,
    bootCode,
  });
}

function encodeBootSector32(values: BootValues): Uint8Array {
  return bootSector32Struct.encode({
    ...parameters(values),
    jump: Uint8Array.of(0xeb, 0x58, 0x90),
    fatSectors32: values.geometry.fatSectors,
    rootCluster: firstCluster,
    infoSector,
    backupSector,
    typeName: "FAT32",
    bootCode,
  });
}

/** What both kinds have. */
function parameters({ geometry, hiddenSectors, serial, label }: BootValues) {
  const { bits, totalSectors, sectorsPerCluster, reservedSectors, rootSectors } = geometry;
  const isSmall = bits !== 32 && totalSectors < 0x10000;
  return {
    // fatgen: "the recommended setting, because it is the setting least likely to cause compatibility problems".
    oemName: "MSWIN4.1",
    sectorBytes,
    sectorsPerCluster,
    reservedSectors,
    fatCount: fatCopies,
    rootEntries: (rootSectors * sectorBytes) / entryBytes,
    totalSectors16: isSmall ? totalSectors : 0,
    media: fixedMedia,
    sectorsPerTrack: 63,
    heads: 255,
    hiddenSectors,
    totalSectors32: isSmall ? 0 : totalSectors,
    driveNumber: 0x80,
    extendedSignature,
    serial,
    label,
    signature: bootSignature,
  };
}

function encodeInfoSector({ geometry, usedClusters }: BootValues): Uint8Array {
  return infoSectorStruct.encode({
    ...infoSignatures,
    freeClusters: geometry.clusters - usedClusters,
    nextFree: firstCluster + usedClusters,
  });
}
