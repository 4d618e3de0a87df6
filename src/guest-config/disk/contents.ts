import type { Host } from "../initializer/host.ts";
import type { Volume } from "./block-devices.ts";

/** Before and behind which no format that is in use keeps what it is known by. */
const searchedBytes = 128 * 1024;

export interface Contents {
  /** As mount(8) calls a file system; `partition table`, `LUKS`…; `data` for what is not known; undefined if it is blank. */
  readonly type: string | undefined;
  readonly label: string;
}

interface Signature {
  readonly type: string;
  readonly offset: number;
  readonly magic: string;
  readonly label?: readonly [offset: number, length: number];
}

const signatures: readonly Signature[] = [
  { type: "ext", offset: 1080, magic: "\x53\xef", label: [1144, 16] },
  { type: "xfs", offset: 0, magic: "XFSB", label: [108, 12] },
  { type: "btrfs", offset: 65600, magic: "_BHRfS_M", label: [65835, 255] },
  { type: "swap", offset: 4086, magic: "SWAPSPACE2", label: [1052, 16] },
  { type: "vfat", offset: 82, magic: "FAT32", label: [71, 11] },
  { type: "vfat", offset: 54, magic: "FAT1", label: [43, 11] },
  { type: "iso9660", offset: 32769, magic: "CD001", label: [32808, 32] },
  { type: "squashfs", offset: 0, magic: "hsqs" },
  { type: "ntfs", offset: 3, magic: "NTFS    " },
  { type: "LUKS", offset: 0, magic: "LUKS\xba\xbe" },
  { type: "LVM", offset: 512, magic: "LABELONE" },
  { type: "RAID", offset: 4096, magic: "\xfc\x4e\x2b\xa9" },
  { type: "partition table", offset: 512, magic: "EFI PART" },
  { type: "partition table", offset: 510, magic: "\x55\xaa" },
];

/** What a disk or partition holds. What cannot be read counts as data: nobody should write there. */
export function readContents(host: Host, { path, sizeBytes }: Volume): Contents {
  const length = Math.min(searchedBytes, sizeBytes);
  const first = host.readBytes(path, 0, length);
  const last = host.readBytes(path, sizeBytes - length, length);
  if (first?.length !== length || last?.length !== length) return { type: "data", label: "" };
  const text = (offset: number, count: number) => String.fromCharCode(...first.subarray(offset, offset + count));
  for (const { type, offset, magic, label } of signatures) {
    if (text(offset, magic.length) !== magic) continue;
    const name =
      label === undefined
        ? ""
        : text(...label)
            .replace(/\0.*$/s, "")
            .trimEnd();
    return { type, label: name };
  }
  return { type: isZero(first) && isZero(last) ? undefined : "data", label: "" };
}

/** For a sentence: `it holds …`. */
export function describeContents({ type = "partitions" }: Contents): string {
  if (/^(data|partitions|LUKS|LVM|RAID|swap)$/.test(type)) return type;
  return type === "partition table" ? "a partition table" : `the file system ${type}`;
}

function isZero(bytes: Uint8Array): boolean {
  // Four at once: an interpreter takes its time.
  return new Uint32Array(bytes.slice().buffer, 0, bytes.length >> 2).every((word) => word === 0);
}
