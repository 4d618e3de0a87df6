/** The file systems that a configuration drive may have, and how Linux calls them. */
export interface Volume {
  readonly fileSystem: "iso9660" | "vfat";
  readonly label: string;
}

export type ByteReader = (offsetBytes: number, lengthBytes: number) => Uint8Array | undefined;

/**
 * What kind of volume a device holds, from the few bytes that say so: no program has to be started to know it. Undefined for anything else.
 */
export function readVolume(read: ByteReader): Volume | undefined {
  return readIso(read) ?? readFat(read);
}

/** ECMA-119 section 8.4: descriptors begin in sector 16; the primary one has type 1, its volume identifier at byte 40. */
function readIso(read: ByteReader): Volume | undefined {
  const descriptor = read(16 * 2048, 72);
  if (descriptor === undefined || descriptor.length < 72) return undefined;
  if (descriptor[0] !== 1 || ascii(descriptor, 1, 5) !== "CD001") return undefined;
  return { fileSystem: "iso9660", label: ascii(descriptor, 40, 32) };
}

/**
 * The extended boot record follows the BIOS parameter block: at byte 36, or at 64 on FAT32, whose 16-bit FAT size (byte 22) is zero. Its third byte is the
 * signature 0x29 and says that a label follows. (Microsoft, FAT: General Overview of On-Disk Format, "Boot Sector and BPB".)
 */
function readFat(read: ByteReader): Volume | undefined {
  const sector = read(0, 512);
  if (sector === undefined || sector.length < 512 || sector[510] !== 0x55 || sector[511] !== 0xaa) return undefined;
  const sectorBytes = (sector[11] as number) | ((sector[12] as number) << 8);
  if (![512, 1024, 2048, 4096].includes(sectorBytes)) return undefined;
  const extended = sector[22] === 0 && sector[23] === 0 ? 64 : 36;
  if (sector[extended + 2] !== 0x29) return undefined;
  return { fileSystem: "vfat", label: ascii(sector, extended + 7, 11) };
}

function ascii(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length)).replace(/[ \0]+$/, "");
}
