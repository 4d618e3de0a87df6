import type { ByteSource, Extent } from "../core/byte-source.ts";
import { isZero } from "../core/checksums.ts";

/** Code that BIOS would run from a first sector. */
export interface BootCode {
  /** `GRUB 2`, `syslinux`, …, or `unknownCode`. */
  readonly name: string;
  /** GRUB: where its core image lies, as its first sector says. */
  readonly core?: (Extent & { readonly isThere: boolean }) | undefined;
}

export const unknownCode = "unknown code";

const sectorBytes = 512;
const codeBytes = 440;

/** What a boot sector's code says when it fails, which is the only thing that all versions of it have in common. */
const messages: readonly (readonly [name: string, ...texts: string[]])[] = [
  ["GRUB 2", "GRUB \0Geom\0Hard Disk\0Read"],
  ["GRUB 2", "GRUB \0Geom\0Read"],
  ["isolinux (isohybrid)", "isolinux.bin missing or corrupt"],
  ["GRUB 2 (ISO hybrid)", "GRUB 2 ISO"],
  ["extlinux", "EXTLINUX"],
  ["syslinux", "SYSLINUX"],
  ["syslinux (MBR)", "Missing operating system.\r\n", "Operating system load error"],
  ["LILO", "LILO"],
  ["Limine", "Limine"],
  ["Windows", "BOOTMGR"],
  ["Windows (MBR)", "Invalid partition table", "Error loading operating system"],
  ["FreeBSD", "FreeBSD"],
];
/** mkfs.fat's: it boots nothing. */
const noBoot = "This is not a bootable disk";

/** Undefined if the first sector has no code, or only some that says that it cannot boot. */
export function readBootCode(source: ByteSource): BootCode | undefined {
  if (source.sizeBytes < sectorBytes) return undefined;
  const sector = Buffer.alloc(sectorBytes);
  source.read(sector, 0);
  // Without the signature no BIOS runs it.
  if (sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const code = sector.subarray(0, codeBytes);
  const text = sector.toString("latin1");
  if (isZero(code) || text.includes(noBoot)) return undefined;
  const name = messages.find(([, ...texts]) => texts.every((each) => text.includes(each)))?.[0];
  if (name === undefined) return isFileSystemHeader(code) ? undefined : { name: unknownCode };
  return name === "GRUB 2" ? { name, core: grubCore(source, sector) } : { name };
}

/** A jump over parameters and nothing but zeros behind it: FAT and others have it without being bootable. */
function isFileSystemHeader(code: Uint8Array): boolean {
  return (code[0] === 0xeb || code[0] === 0xe9) && isZero(code.subarray(0x5a));
}

/**
 * GRUB's boot.img names the sector where its core starts (at 0x5C); that sector, diskboot.img, lists the runs of the rest from 0x1F4 downwards: u64 sector, u16 count,
 * u16 segment (grub-core/boot/i386/pc/{boot,diskboot}.S).
 */
function grubCore(source: ByteSource, sector: Buffer): BootCode["core"] {
  const startLba = sector.readBigUInt64LE(0x5c);
  const startBytes = Number(startLba) * sectorBytes;
  if (startBytes === 0 || startBytes + sectorBytes > source.sizeBytes) return undefined;
  const first = Buffer.alloc(sectorBytes);
  source.read(first, startBytes);
  const isThere = first.toString("latin1").includes("Geom\0Read\0 Error");
  let sectors = 1;
  for (let at = 0x1f4; isThere && at > 0x180; at -= 12) {
    const count = first.readUInt16LE(at + 8);
    if (count === 0) break;
    sectors += count;
  }
  return { offsetBytes: startBytes, lengthBytes: sectors * sectorBytes, isThere };
}
