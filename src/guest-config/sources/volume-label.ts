/** The file systems that a configuration drive may have, and how Linux calls them. */
export interface Volume {
  readonly fileSystem: "iso9660" | "vfat";
  /** It may have several: of both descriptors of a CD; of the boot sector and the root directory of a FAT. Without those that are empty. */
  readonly labels: readonly string[];
}

export type ByteReader = (offsetBytes: number, lengthBytes: number) => Uint8Array | undefined;

/**
 * What kind of volume a device holds, from the few bytes that say so: no program has to be started to know it. Undefined for anything else.
 */
export function readVolume(read: ByteReader): Volume | undefined {
  return readIsoVolume(read) ?? readFat(read);
}

/**
 * ECMA-119 section 8.4: descriptors begin in sector 16; the primary one has type 1, its volume identifier at byte 40. A supplementary one (type 2) is
 * Joliet's, with the label in UCS-2; programs differ in which they look at.
 */
export function readIsoVolume(read: ByteReader): Volume | undefined {
  const labels: string[] = [];
  for (let sector = 16; sector < 20; sector++) {
    const descriptor = read(sector * 2048, 72);
    if (descriptor === undefined || descriptor.length < 72 || ascii(descriptor, 1, 5) !== "CD001") break;
    const type = descriptor[0];
    if (sector === 16 && type !== 1) return undefined;
    if (type === 1) labels.push(ascii(descriptor, 40, 32));
    if (type === 2)
      labels.push(
        ascii(
          descriptor.subarray(40).filter((_, at) => at % 2 === 1),
          0,
          16,
        ),
      );
  }
  return labels.length === 0 ? undefined : { fileSystem: "iso9660", labels: distinct(labels) };
}

/** Where the parts of a FAT file system lie. Microsoft, FAT: General Overview of On-Disk Format, "Boot Sector and BPB". */
export interface FatLayout {
  readonly bits: 12 | 16 | 32;
  readonly fatOffsetBytes: number;
  readonly clusterBytes: number;
  /** Of cluster 2, the first one. */
  readonly dataOffsetBytes: number;
  readonly clusters: number;
  /** The root directory of FAT12 and FAT16 has a place of its own; that of FAT32 begins in a cluster. */
  readonly root: { readonly offsetBytes: number; readonly lengthBytes: number } | { readonly cluster: number };
}

export function readFatLayout(read: ByteReader): FatLayout | undefined {
  const sector = read(0, 512);
  if (sector === undefined || sector.length < 512 || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const view = new DataView(sector.buffer, sector.byteOffset, 512);
  const word = (at: number) => view.getUint16(at, true);
  const sectorBytes = word(11);
  const clusterSectors = view.getUint8(13);
  const reserved = word(14);
  const fats = view.getUint8(16);
  const fatSectors = word(22) || view.getUint32(36, true);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || reserved === 0 || fats === 0 || fats > 2) return undefined;
  if (clusterSectors === 0 || (clusterSectors & (clusterSectors - 1)) !== 0 || fatSectors === 0) return undefined;
  const rootSectors = Math.ceil((word(17) * 32) / sectorBytes);
  const rootSector = reserved + fats * fatSectors;
  const dataSector = rootSector + rootSectors;
  const clusters = Math.floor(((word(19) || view.getUint32(32, true)) - dataSector) / clusterSectors);
  if (clusters < 1) return undefined;
  const bits = word(22) === 0 ? 32 : clusters < 4085 ? 12 : 16;
  const root =
    bits === 32
      ? { cluster: view.getUint32(44, true) }
      : { offsetBytes: rootSector * sectorBytes, lengthBytes: rootSectors * sectorBytes };
  return {
    bits,
    fatOffsetBytes: reserved * sectorBytes,
    clusterBytes: clusterSectors * sectorBytes,
    dataOffsetBytes: dataSector * sectorBytes,
    clusters,
    root,
  };
}

/**
 * The extended boot record follows the BIOS parameter block: at byte 36, or at 64 on FAT32. Its third byte is the signature 0x29 and says that a label
 * follows. The other label is an entry of the root directory, with the attribute 8; it is the one that people change.
 */
function readFat(read: ByteReader): Volume | undefined {
  const layout = readFatLayout(read);
  const sector = layout && read(0, 512);
  if (layout === undefined || sector === undefined) return undefined;
  const extended = layout.bits === 32 ? 64 : 36;
  const labels = sector[extended + 2] === 0x29 ? [ascii(sector, extended + 7, 11)] : [];
  const offsetBytes =
    "cluster" in layout.root
      ? layout.dataOffsetBytes + (layout.root.cluster - 2) * layout.clusterBytes
      : layout.root.offsetBytes;
  const root = offsetBytes < 0 ? undefined : read(offsetBytes, 512);
  for (let at = 0; root !== undefined && at + 32 <= root.length && root[at] !== 0; at += 32)
    if ((root[at + 11] as number) === 8 && root[at] !== 0xe5) labels.unshift(ascii(root, at, 11));
  return { fileSystem: "vfat", labels: distinct(labels).filter((label) => label !== "NO NAME") };
}

function distinct(labels: readonly string[]): string[] {
  return [...new Set(labels)].filter((label) => label !== "");
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length)).replace(/[ \0]+$/, "");
}
