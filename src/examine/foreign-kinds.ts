import type { ByteSource } from "../core/byte-source.ts";

/** What we recognise but do not read: where its magic number lies (blkid(8), libblkid/src/superblocks). */
const kinds: readonly (readonly [kind: string, offsetBytes: number, magic: string])[] = [
  ["xfs", 0, "XFSB"],
  ["btrfs", 0x10040, "_BHRfS_M"],
  ["LUKS", 0, "LUKS\xba\xbe"],
  ["LVM2", 512 + 24, "LVM2 001"],
  ["swap", 4096 - 10, "SWAPSPACE2"],
  ["swap", 65536 - 10, "SWAPSPACE2"],
  ["ntfs", 3, "NTFS    "],
  ["exfat", 3, "EXFAT   "],
  ["erofs", 1024, "\xe2\xe1\xf5\xe0"],
  ["f2fs", 1024, "\x10\x20\xf5\xf2"],
  ["bcachefs", 4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"],
  ["cramfs", 0, "\x45\x3d\xcd\x28"],
  ["UDF", 0x8001, "BEA01"],
  ["Linux RAID", 4096, "\xfc\x4e\x2b\xa9"],
  ["bitlocker", 3, "-FVE-FS-"],
  ["apfs", 32, "NXSB"],
];

/** The name of a file system or container that no reader of ours knows. */
export function foreignKind(source: ByteSource): string | undefined {
  return kinds.find(([, offsetBytes, magic]) => {
    if (offsetBytes + magic.length > source.sizeBytes) return false;
    const found = Buffer.alloc(magic.length);
    source.read(found, offsetBytes);
    return found.toString("latin1") === magic;
  })?.[0];
}
