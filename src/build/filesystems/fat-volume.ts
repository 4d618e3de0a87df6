import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import {
  bitsForClusters,
  bootSector32Struct,
  bootSectorStruct,
  bootSignature,
  entryBytes,
  extendedSignature,
  type FatBits,
  fewestFat32Clusters,
  fixedMedia,
} from "./fat-format.ts";

/** What a boot sector says, checked; offsets from the start of the file system. */
export interface FatVolume {
  readonly bits: FatBits;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  /** That are in the table and in the image: never more than it has room for. */
  readonly clusters: number;
  readonly reservedSectors: number;
  readonly hiddenSectors: number;
  readonly fatCount: number;
  readonly tableBytes: number;
  /** Of the table that is in force. */
  readonly tableOffsetBytes: number;
  readonly tablesAreEqual: boolean;
  readonly media: number;
  /** FAT32 has a first cluster of its root, the others a place. */
  readonly root: { readonly cluster: number } | { readonly offsetBytes: number; readonly lengthBytes: number };
  readonly clustersOffsetBytes: number;
  readonly oemName: string;
  readonly serial: number | undefined;
  readonly label: Uint8Array | undefined;
  /** Bits of the state byte: not unmounted, errors met. */
  readonly state: number;
  readonly infoSector: number | undefined;
  readonly backupSector: number | undefined;
  readonly problems: readonly string[];
}

/** Whether the first sector can be one of FAT's; what Linux asks of one (fs/fat/inode.c, fat_read_bpb), and the signature. */
export function looksLikeFat(source: ByteSource): boolean {
  if (source.sizeBytes < bootSectorStruct.size) return false;
  const boot = bootSectorStruct.decode(firstSector(source));
  const { sectorBytes, sectorsPerCluster, reservedSectors, fatCount, media, signature } = boot;
  return (
    signature === bootSignature &&
    [512, 1024, 2048, 4096].includes(sectorBytes) &&
    isPowerOfTwo(sectorsPerCluster) &&
    reservedSectors > 0 &&
    fatCount > 0 &&
    (media >= fixedMedia || media === 0xf0)
  );
}

/** Errors: `image/damaged`. */
export function readVolume(source: ByteSource): FatVolume {
  const problems: string[] = [];
  const sector = firstSector(source);
  const boot = bootSectorStruct.decode(sector);
  const { sectorBytes, reservedSectors, fatCount, rootEntries } = boot;
  const is32 = boot.fatSectors16 === 0;
  const boot32 = is32 ? bootSector32Struct.decode(sector) : undefined;
  const extended = boot32 ?? boot;
  const totalSectors = boot.totalSectors16 || boot.totalSectors32;
  const fatSectors = boot32?.fatSectors32 ?? boot.fatSectors16;
  const rootSectors = is32 ? 0 : Math.ceil((rootEntries * entryBytes) / sectorBytes);
  const clustersSector = reservedSectors + fatCount * fatSectors + rootSectors;
  if (fatSectors === 0) damaged("it has no table");
  if (clustersSector >= totalSectors) damaged(`its ${totalSectors} sectors have no room for clusters`);

  const clusterBytes = boot.sectorsPerCluster * sectorBytes;
  const claimed = Math.floor((totalSectors - clustersSector) / boot.sectorsPerCluster);
  const bits = is32 ? 32 : bitsForClusters(claimed);
  if (!is32 && bits === 32) damaged(`it has ${claimed} clusters, and no FAT16 has so many`);
  if (is32 && claimed < fewestFat32Clusters)
    problems.push(
      `it is made as FAT32 but has ${claimed} clusters, and at least ${fewestFat32Clusters} make FAT32: firmware may refuse it`,
    );
  const sizeBytes = totalSectors * sectorBytes;
  if (sizeBytes > source.sizeBytes)
    problems.push(`it says that it has ${sizeBytes} bytes, and there are ${source.sizeBytes}`);
  const inTable = Math.floor((fatSectors * sectorBytes * 8) / bits) - 2;
  if (inTable < claimed) problems.push(`its table has ${inTable} entries for ${claimed} clusters`);
  const present = Math.floor((source.sizeBytes - clustersSector * sectorBytes) / clusterBytes);

  const isMirrored = boot32 === undefined || (boot32.extendedFlags & 0x80) === 0;
  const activeTable = isMirrored ? 0 : (boot32?.extendedFlags ?? 0) & 0x0f;
  if (activeTable >= fatCount) damaged(`its table ${activeTable} is in force, and it has ${fatCount}`);
  const hasSerial = extended.extendedSignature === extendedSignature || extended.extendedSignature === 0x28;
  return {
    ...{ bits, sizeBytes, sectorBytes, clusterBytes, reservedSectors, fatCount, problems },
    clusters: Math.max(0, Math.min(claimed, inTable, present)),
    hiddenSectors: boot.hiddenSectors,
    tableBytes: fatSectors * sectorBytes,
    tableOffsetBytes: (reservedSectors + activeTable * fatSectors) * sectorBytes,
    tablesAreEqual: isMirrored,
    media: boot.media,
    root:
      boot32 === undefined
        ? {
            offsetBytes: (reservedSectors + fatCount * fatSectors) * sectorBytes,
            lengthBytes: rootEntries * entryBytes,
          }
        : { cluster: boot32.rootCluster },
    clustersOffsetBytes: clustersSector * sectorBytes,
    oemName: boot.oemName,
    serial: hasSerial ? extended.serial : undefined,
    label: extended.extendedSignature === extendedSignature ? extended.label : undefined,
    state: extended.state,
    infoSector: boot32 && sectorNumber(boot32.infoSector, reservedSectors),
    backupSector: boot32 && sectorNumber(boot32.backupSector, reservedSectors),
  };
}

/** 0 and 0xFFFF say that there is none. */
function sectorNumber(sector: number, reservedSectors: number): number | undefined {
  return sector > 0 && sector < reservedSectors ? sector : undefined;
}

function firstSector(source: ByteSource): Uint8Array {
  const sector = new Uint8Array(bootSectorStruct.size);
  source.read(sector, 0);
  return sector;
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

export function damaged(reason: string): never {
  return fail("image/damaged", `cannot read the FAT file system: ${reason}`);
}
