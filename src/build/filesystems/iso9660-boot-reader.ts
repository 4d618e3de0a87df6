import type { ByteSource } from "../../core/byte-source.ts";
import {
  bootEntryStruct,
  bootIndicators,
  catalogEntryBytes,
  platforms,
  sectionHeaderStruct,
  sectionIndicators,
  sumOfWords,
  validationEntryStruct,
  validationKey,
  virtualSectorBytes,
} from "./iso9660-boot-format.ts";
import { sectorBytes } from "./iso9660-format.ts";

/** What firmware finds to boot from. */
export interface BootEntry {
  /** `BIOS`, `UEFI`, or the number of another platform. */
  readonly platform: string;
  readonly isBootable: boolean;
  readonly emulation: string;
  readonly startSector: number;
  readonly loadBytes: number;
}

export interface BootCatalog {
  readonly entries: readonly BootEntry[];
  readonly problems: readonly string[];
}

/** Linux distributions have two or three; the catalog has room for 64 in a sector. */
const mostEntries = 64;
const emulations = ["no emulation", "1.2 MB floppy", "1.44 MB floppy", "2.88 MB floppy", "hard disk"];

export function readCatalog(source: ByteSource, catalogSector: number): BootCatalog {
  const offset = catalogSector * sectorBytes;
  if (offset + sectorBytes > source.sizeBytes)
    return { entries: [], problems: ["its El Torito boot catalog lies past its end"] };
  const catalog = new Uint8Array(sectorBytes);
  source.read(catalog, offset);
  const validation = validationEntryStruct.decode(catalog);
  const problems: string[] = [];
  if (validation.headerId !== 1 || validation.key !== validationKey)
    return { entries: [], problems: ["its El Torito boot catalog is none"] };
  if (sumOfWords(catalog.subarray(0, catalogEntryBytes)) !== 0)
    problems.push("the checksum of its El Torito boot catalog is wrong");
  const entries = [decodeEntry(catalog, catalogEntryBytes, validation.platform)];
  let at = 2 * catalogEntryBytes;
  for (let isLast = false; !isLast && at < catalog.length && entries.length < mostEntries; ) {
    const header = sectionHeaderStruct.decode(catalog, at);
    at += catalogEntryBytes;
    if (header.indicator !== sectionIndicators.more && header.indicator !== sectionIndicators.last) break;
    isLast = header.indicator === sectionIndicators.last;
    for (let count = 0; count < header.entries && at < catalog.length; at += catalogEntryBytes) {
      // More selection criteria of the entry before.
      if (catalog[at] === bootIndicators.extension) continue;
      entries.push(decodeEntry(catalog, at, header.platform));
      count++;
    }
  }
  return { entries, problems };
}

function decodeEntry(catalog: Uint8Array, offset: number, platform: number): BootEntry {
  const { indicator, media, loadSectors, startSector } = bootEntryStruct.decode(catalog, offset);
  return {
    platform: nameOf(platform),
    isBootable: indicator === bootIndicators.bootable,
    emulation: emulations[media & 0x0f] ?? `unknown emulation ${media & 0x0f}`,
    startSector,
    loadBytes: loadSectors * virtualSectorBytes,
  };
}

function nameOf(platform: number): string {
  const names: Readonly<Record<number, string>> = {
    [platforms.bios]: "BIOS",
    [platforms.powerPc]: "PowerPC",
    [platforms.mac]: "Mac",
    [platforms.efi]: "UEFI",
  };
  return names[platform] ?? `platform 0x${platform.toString(16).padStart(2, "0")}`;
}
