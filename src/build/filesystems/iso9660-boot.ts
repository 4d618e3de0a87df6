import { type ByteSource, type Extent, readAll } from "../../core/byte-source.ts";
import {
  bootEntryStruct,
  bootIndicators,
  bootRecordStruct,
  bootRecordType,
  bootSystemId,
  catalogEntryBytes,
  platforms,
  sectionHeaderStruct,
  sectionIndicators,
  sumOfWords,
  validationEntryStruct,
  validationKey,
  virtualSectorBytes,
} from "./iso9660-boot-format.ts";
import { firstDescriptorSector, sectorBytes, standardId } from "./iso9660-format.ts";

/** What firmware finds on the disc to boot from. Paths are those of files in its tree. */
export interface IsoBoot {
  /** Loaded without emulation and started by a BIOS. */
  readonly bios?: {
    readonly path: string;
    /** Of 512 bytes, that the BIOS loads. 4, unless told: GRUB and ISOLINUX load the rest of themselves. */
    readonly loadSectors?: number | undefined;
    /** Tells the image, in its bytes 8 to 63, where it lies: how GRUB's cdboot.img and ISOLINUX find the rest. True, unless told. */
    readonly bootInfoTable?: boolean | undefined;
    /** Tells GRUB's core.img, at byte 2548 of the image, where it lies in sectors of 512 bytes. */
    readonly grub2BootInfo?: boolean | undefined;
  };
  /** A FAT image that UEFI takes for an EFI system partition. */
  readonly efi?: { readonly path: string };
}

/** ISOLINUX and xorriso's manual (`-boot-info-table`). */
const infoTableStart = 8;
const infoTableEnd = 64;
/** GRUB, boot/i386/pc/cdboot.S and diskboot.S: the first block list entry of core.img behind the 2048 bytes of cdboot.img. */
const grub2InfoOffset = 2048 + 512 - 12;
const grub2FirstSector = 5;

export function encodeBootRecord(catalogSector: number): Uint8Array {
  return bootRecordStruct.encode({ type: bootRecordType, standardId, version: 1, bootSystemId, catalogSector });
}

/** @param placeOf where an image begins, and how long it is */
export function encodeCatalog(
  { bios, efi }: IsoBoot,
  placeOf: (path: string) => { startSector: number; sizeBytes: number },
): Uint8Array {
  const entries: Uint8Array[] = [];
  const validation = validationEntryStruct.encode({
    headerId: 1,
    platform: bios === undefined ? platforms.efi : platforms.bios,
    key: validationKey,
  });
  new DataView(validation.buffer).setUint16(
    validationEntryStruct.fields.checksum.offset,
    -sumOfWords(validation) & 0xffff,
    true,
  );
  entries.push(validation);
  if (bios !== undefined) entries.push(encodeEntry(placeOf(bios.path).startSector, bios.loadSectors ?? 4));
  if (efi !== undefined) {
    const { startSector, sizeBytes } = placeOf(efi.path);
    const sectors = Math.ceil(sizeBytes / virtualSectorBytes);
    if (bios !== undefined)
      entries.push(
        sectionHeaderStruct.encode({ indicator: sectionIndicators.last, platform: platforms.efi, entries: 1 }),
      );
    // UEFI, "ISO-9660 and El Torito": 0 is "to the end of the disc", which is what is left for images of 32 MiB and more.
    entries.push(encodeEntry(startSector, sectors > 0xffff ? 0 : sectors));
  }
  const catalog = new Uint8Array(sectorBytes);
  for (const [index, entry] of entries.entries()) catalog.set(entry, index * catalogEntryBytes);
  return catalog;
}

function encodeEntry(startSector: number, loadSectors: number): Uint8Array {
  return bootEntryStruct.encode({ indicator: bootIndicators.bootable, loadSectors, startSector });
}

/** The smallest image that has room for what it is to be told. */
export function leastImageBytes({ bootInfoTable = true, grub2BootInfo = false }: NonNullable<IsoBoot["bios"]>): number {
  if (grub2BootInfo) return grub2InfoOffset + 8;
  return bootInfoTable ? infoTableEnd : 1;
}

/** The image with what it is told of its place; read when it is read, for the table has a sum of all of it. */
export function tellPlace(content: ByteSource, startSector: number, bios: NonNullable<IsoBoot["bios"]>): ByteSource {
  const { bootInfoTable = true, grub2BootInfo = false } = bios;
  if (!bootInfoTable && !grub2BootInfo) return content;
  let told: Uint8Array | undefined;
  const tell = (): Uint8Array => {
    const image = readAll(content);
    const view = new DataView(image.buffer);
    if (grub2BootInfo)
      view.setBigUint64(
        grub2InfoOffset,
        BigInt(startSector * (sectorBytes / virtualSectorBytes) + grub2FirstSector),
        true,
      );
    if (bootInfoTable) {
      image.fill(0, infoTableStart, infoTableEnd);
      view.setUint32(infoTableStart, firstDescriptorSector, true);
      view.setUint32(infoTableStart + 4, startSector, true);
      view.setUint32(infoTableStart + 8, image.length, true);
      view.setUint32(infoTableStart + 12, sumOfLongs(image.subarray(infoTableEnd)), true);
    }
    return image;
  };
  const extents: Extent[] = [{ offsetBytes: 0, lengthBytes: content.sizeBytes }];
  return {
    sizeBytes: content.sizeBytes,
    extents,
    read(target, offsetBytes) {
      told ??= tell();
      target.set(told.subarray(offsetBytes, offsetBytes + target.length));
    },
  };
}

/** Of little-endian 32-bit words; zeros fill the last one. */
function sumOfLongs(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at++) sum = (sum + (bytes[at] as number) * 2 ** (8 * (at % 4))) % 2 ** 32;
  return sum;
}
