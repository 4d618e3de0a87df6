import { deriveBytes } from "../../core/seed.ts";
import type { DiskIdentity } from "./disk-format.ts";
import { sectorBytes } from "./vmdk-format.ts";

export interface DescriptorRequest {
  readonly createType: "streamOptimized" | "monolithicFlat";
  readonly diskSizeBytes: number;
  readonly identity: DiskIdentity;
  /** The extent's type and file, as its line has them. */
  readonly extent: string;
}

/** The text that describes a disk of one extent: what ESXi's and QEMU's own say, for the adapter that Linux and ESXi both have drivers for. */
export function writeDescriptor({ createType, diskSizeBytes, identity, extent }: DescriptorRequest): string {
  const sectors = diskSizeBytes / sectorBytes;
  const { heads, sectorsPerTrack } = geometryOf(diskSizeBytes);
  const id = contentId(identity);
  return [
    "# Disk DescriptorFile",
    "version=1",
    'encoding="UTF-8"',
    `CID=${id.slice(-8)}`,
    "parentCID=ffffffff",
    `createType="${createType}"`,
    "",
    "# Extent description",
    `RW ${sectors} ${extent}`,
    "",
    "# The Disk Data Base",
    "#DDB",
    "",
    'ddb.virtualHWVersion = "4"',
    `ddb.longContentID = "${id}"`,
    `ddb.geometry.cylinders = "${Math.floor(sectors / heads / sectorsPerTrack)}"`,
    `ddb.geometry.heads = "${heads}"`,
    `ddb.geometry.sectors = "${sectorsPerTrack}"`,
    'ddb.adapterType = "lsilogic"',
    "",
  ].join("\n");
}

/** 32 hexadecimal digits, of which the last eight are the CID. All ones there would mean "no parent" in another disk, and one less is what VMware gives to disks nobody wrote to. */
function contentId({ rawSha256 }: DiskIdentity): string {
  const hex = Buffer.from(deriveBytes(rawSha256, "vmdk content", 16)).toString("hex");
  return hex.slice(-8) >= "fffffffe" ? `${hex.slice(0, -8)}00000001` : hex;
}

/** VMware's shapes of SCSI disks. */
function geometryOf(diskSizeBytes: number): { heads: number; sectorsPerTrack: number } {
  const GiB = 1024 ** 3;
  if (diskSizeBytes < GiB) return { heads: 64, sectorsPerTrack: 32 };
  if (diskSizeBytes < 2 * GiB) return { heads: 128, sectorsPerTrack: 32 };
  return { heads: 255, sectorsPerTrack: 63 };
}
