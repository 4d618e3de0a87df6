import { ftruncateSync } from "node:fs";
import { isZero } from "../../core/checksums.ts";
import { fail } from "../../core/errors.ts";
import { writeAt, writeSparse } from "../../core/output.ts";
import { deriveUuid, parseUuid } from "../../core/seed.ts";
import type { DiskFormat, DiskIdentity, ImageSink, WriteRequest } from "./disk-format.ts";
import {
  bitmapBytesOf,
  blockBytes,
  diskTypes,
  dynamicHeaderCookie,
  dynamicHeaderStruct,
  features,
  footerCookie,
  footerStruct,
  formatVersion,
  noOffset,
  sectorBytes,
  withChecksum,
} from "./vhd-format.ts";
import { geometryOf } from "./vhd-geometry.ts";

/** Hyper-V's limit, 2040 GiB; QEMU has it too. */
const largestBytes = 2040 * 1024 ** 3;
const headerOffset = footerStruct.size;
const tableOffset = headerOffset + dynamicHeaderStruct.size;
const bitmap = new Uint8Array(bitmapBytesOf(blockBytes)).fill(0xff);

/** Virtual PC's format as it grows: only blocks that hold data are in the file. What qemu-img calls `vpc` and clouds mean by VHD. */
export const vhd: DiskFormat = {
  name: "vhd",
  extension: ".vhd",
  open: openDynamic,
};

/** The disk as it is, and a footer: what Azure takes, and Hyper-V is fastest with. */
export const vhdFixed: DiskFormat = {
  name: "vhd-fixed",
  extension: ".vhd",
  open({ fd, diskSizeBytes }) {
    checkSize(diskSizeBytes);
    return {
      windowBytes: 4096,
      write: (bytes, offsetBytes) => writeSparse(fd, bytes, offsetBytes),
      finish(identity) {
        ftruncateSync(fd, diskSizeBytes);
        writeAt(fd, footerOf(diskSizeBytes, "fixed", identity), diskSizeBytes);
      },
      close() {},
    };
  },
};

function openDynamic({ fd, diskSizeBytes }: WriteRequest): ImageSink {
  checkSize(diskSizeBytes);
  const entries = Math.ceil(diskSizeBytes / blockBytes);
  // Filled up to a whole sector with entries that say "no block".
  const table = Buffer.alloc(Math.ceil((entries * 4) / sectorBytes) * sectorBytes, 0xff);
  let position = tableOffset + table.length;
  return {
    windowBytes: blockBytes,
    async write(bytes, offsetBytes) {
      const writes: Promise<void>[] = [];
      for (let at = 0; at < bytes.length; at += blockBytes) {
        const block = bytes.subarray(at, at + blockBytes);
        if (isZero(block)) continue;
        table.writeUInt32BE(position / sectorBytes, ((offsetBytes + at) / blockBytes) * 4);
        writeAt(fd, bitmap, position);
        writes.push(writeSparse(fd, block, position + bitmap.length));
        position += bitmap.length + blockBytes;
      }
      await Promise.all(writes);
    },
    finish(identity) {
      const footer = footerOf(diskSizeBytes, "dynamic", identity);
      writeAt(fd, footer, 0);
      writeAt(fd, dynamicHeader(entries), headerOffset);
      writeAt(fd, table, tableOffset);
      writeAt(fd, footer, position);
    },
    close() {},
  };
}

function checkSize(diskSizeBytes: number): void {
  const problem = `cannot write a disk of ${diskSizeBytes} bytes as VHD`;
  if (diskSizeBytes > largestBytes)
    fail("image/unsupported", `${problem}: it holds ${largestBytes} bytes at most`, {
      hint: "make the disk no larger than 2040GiB, or use qcow2",
    });
  if (diskSizeBytes === 0 || diskSizeBytes % sectorBytes !== 0)
    fail("image/unsupported", `${problem}: importers would see another size`, {
      hint: `make the disk ${Math.max(1, Math.ceil(diskSizeBytes / 1024 ** 2))}MiB large`,
    });
}

function footerOf(diskSizeBytes: number, type: "fixed" | "dynamic", { rawSha256 }: DiskIdentity): Uint8Array {
  const footer = footerStruct.encode({
    cookie: footerCookie,
    features,
    formatVersion,
    dataOffset: type === "fixed" ? noOffset : BigInt(headerOffset),
    // 2000-01-01, so that equal disks make equal files.
    timestamp: 0,
    // QEMU's word for "the size is what it says, not cylinders × heads × sectors": every importer that looks for one knows it.
    creatorApplication: "qem2",
    creatorVersion: 0x00050003,
    creatorHostSystem: "Wi2k",
    originalSize: BigInt(diskSizeBytes),
    currentSize: BigInt(diskSizeBytes),
    ...geometryOf(diskSizeBytes / sectorBytes),
    diskType: diskTypes[type],
    uniqueId: parseUuid(deriveUuid(rawSha256, `vhd ${type}`)),
  });
  return withChecksum(footer, footerStruct.fields.checksum.offset);
}

function dynamicHeader(maxTableEntries: number): Uint8Array {
  const header = dynamicHeaderStruct.encode({
    cookie: dynamicHeaderCookie,
    dataOffset: noOffset,
    tableOffset: BigInt(tableOffset),
    headerVersion: formatVersion,
    maxTableEntries,
    blockSize: blockBytes,
  });
  return withChecksum(header, dynamicHeaderStruct.fields.checksum.offset);
}
