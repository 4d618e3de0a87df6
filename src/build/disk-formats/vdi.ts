import { ftruncateSync } from "node:fs";
import { isZero } from "../../core/checksums.ts";
import { fail } from "../../core/errors.ts";
import { parseGuid } from "../../core/guid.ts";
import { writeAt, writeSparse } from "../../core/output.ts";
import { deriveUuid } from "../../core/seed.ts";
import type { DiskFormat, ImageSink, WriteRequest } from "./disk-format.ts";
import {
  blockBytes,
  headerSize,
  headerStruct,
  headerText,
  imageTypes,
  mostBlocks,
  notStored,
  sectorBytes,
  signature,
  version,
} from "./vdi-format.ts";

/** Of the data, in the host's pages. */
const alignmentBytes = 4096;

/** VirtualBox's format as it grows: only blocks that hold data are in the file. */
export const vdi: DiskFormat = {
  name: "vdi",
  extension: ".vdi",
  open: openDynamic,
};

function openDynamic({ fd, diskSizeBytes }: WriteRequest): ImageSink {
  const blocksInImage = Math.ceil(diskSizeBytes / blockBytes);
  checkSize(diskSizeBytes, blocksInImage);
  const mapOffset = headerStruct.size;
  const dataOffset = Math.ceil((mapOffset + blocksInImage * 4) / alignmentBytes) * alignmentBytes;
  // Entries behind the last block are never looked at.
  const map = Buffer.alloc(dataOffset - mapOffset);
  new Uint32Array(map.buffer, map.byteOffset, blocksInImage).fill(notStored);
  let blocksAllocated = 0;
  return {
    windowBytes: blockBytes,
    async write(bytes, offsetBytes) {
      const writes: Promise<void>[] = [];
      for (let at = 0; at < bytes.length; at += blockBytes) {
        const block = bytes.subarray(at, at + blockBytes);
        if (isZero(block)) continue;
        map.writeUInt32LE(blocksAllocated, ((offsetBytes + at) / blockBytes) * 4);
        writes.push(writeSparse(fd, block, dataOffset + blocksAllocated * blockBytes));
        blocksAllocated++;
      }
      await Promise.all(writes);
    },
    finish({ rawSha256 }) {
      const header = headerStruct.encode({
        text: headerText,
        signature,
        version,
        headerSize,
        imageType: imageTypes.dynamic,
        mapOffset,
        dataOffset,
        sectorSize: sectorBytes,
        diskSize: BigInt(diskSizeBytes),
        blockSize: blockBytes,
        blocksInImage,
        blocksAllocated,
        // VirtualBox refuses a second disk of an id that it knows.
        imageUuid: parseGuid(deriveUuid(rawSha256, "vdi image")),
        lastSnapshotUuid: parseGuid(deriveUuid(rawSha256, "vdi last snapshot")),
        biosSectorSize: sectorBytes,
      });
      writeAt(fd, header, 0);
      writeAt(fd, map, mapOffset);
      ftruncateSync(fd, dataOffset + blocksAllocated * blockBytes);
    },
    close() {},
  };
}

function checkSize(diskSizeBytes: number, blocks: number): void {
  const problem = `cannot write a disk of ${diskSizeBytes} bytes as VDI`;
  if (blocks > mostBlocks)
    fail("image/unsupported", `${problem}: it holds ${mostBlocks} MiB at most`, { hint: "use qcow2 or raw" });
  if (diskSizeBytes === 0 || diskSizeBytes % sectorBytes !== 0)
    fail("image/unsupported", `${problem}: it has to be whole sectors of ${sectorBytes} bytes`, {
      hint: `make the disk ${Math.max(1, blocks)}MiB large`,
    });
}
