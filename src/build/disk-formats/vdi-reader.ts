import { fail } from "../../core/errors.ts";
import { formatGuid } from "../../core/guid.ts";
import { blockSizeText, blockSource, bytesAt, isPowerOfTwo, readInside } from "./block-source.ts";
import type { ImageFile, ImageReader } from "./image-reader.ts";
import { headerStruct, imageTypes, notStored, sectorBytes, signature, version, zeroBlock } from "./vdi-format.ts";

const largestBlockBytes = 1024 ** 3;

/** VirtualBox's format, version 1.1: dynamic, and static, where all blocks are stored from the beginning. */
export const vdiReader: ImageReader = {
  name: "vdi",
  detect({ source }) {
    if (source.sizeBytes < headerStruct.size) return false;
    const bytes = new Uint8Array(4);
    source.read(bytes, headerStruct.fields.signature.offset);
    return new DataView(bytes.buffer).getUint32(0, true) === signature;
  },
  read(file) {
    const header = readHeader(file);
    const { blockBytes, sizeBytes, dataOffset, imageType } = header;
    const blocks = Math.ceil(sizeBytes / blockBytes);
    const map = bytesAt(file, header.mapOffset, blocks * 4, "block map");
    const isStored = (entry: number) => entry !== notStored && entry !== zeroBlock;
    let count = 0;
    function* stored() {
      for (let block = 0; block < blocks; block++)
        if (isStored(map.readUInt32LE(block * 4))) {
          count++;
          yield block;
        }
    }
    const disk = blockSource(
      {
        sizeBytes,
        blockBytes,
        stored: stored(),
        leastStoredBytes: blockBytes,
        readBlock(target, block, insideBytes) {
          const entry = map.readUInt32LE(block * 4);
          if (!isStored(entry)) target.fill(0);
          else readInside(file, target, dataOffset + entry * blockBytes + insideBytes, `block ${block}`);
        },
      },
      file,
    );
    const problems =
      count === header.blocksAllocated
        ? []
        : [`it says that ${header.blocksAllocated} blocks are stored, but there are ${count}`];
    return {
      format: "vdi",
      disk,
      details: [
        ["type", imageType === imageTypes.static ? "static" : "dynamic"],
        ["block size", blockSizeText(blockBytes)],
        ["blocks", `${count} of ${blocks}`],
        ["id", formatGuid(header.imageUuid)],
      ],
      problems,
      otherFiles: [],
      close() {},
    };
  },
};

function readHeader(file: ImageFile) {
  const { path } = file;
  const damaged = (reason: string): never => fail("image/damaged", `cannot use ${path}: ${reason}`);
  const unsupported = (reason: string, hint: string): never =>
    fail("image/unsupported", `cannot use ${path}: ${reason}`, { hint });
  const header = headerStruct.decode(bytesAt(file, 0, headerStruct.size, "header"));
  const { blockSize, imageType, blockExtra, blocksInImage } = header;
  if (header.version !== version)
    unsupported(
      `it is a VDI of version ${header.version >>> 16}.${header.version & 0xffff}`,
      "VirtualBox makes 1.1 of it: VBoxManage clonemedium",
    );
  const types: readonly number[] = [imageTypes.dynamic, imageTypes.static];
  const links = [...header.linkUuid, ...header.parentUuid];
  if (imageType === imageTypes.differencing || imageType === imageTypes.undo || links.some((byte) => byte !== 0))
    unsupported(
      `it holds only the differences from the disk ${formatGuid(header.parentUuid)}`,
      "VirtualBox makes one file of both: VBoxManage clonemedium",
    );
  if (!types.includes(imageType)) damaged(`there is no VDI type ${imageType}`);
  if (blockExtra !== 0) unsupported("its blocks have something before their data", "VBoxManage clonemedium");
  if (!isPowerOfTwo(blockSize) || blockSize < sectorBytes || blockSize > largestBlockBytes)
    damaged(`blocks of ${blockSize} bytes cannot be`);
  // QEMU rounds up too.
  const sizeBytes = Math.ceil(Number(header.diskSize) / sectorBytes) * sectorBytes;
  if (sizeBytes === 0) damaged("its disk is empty");
  if (sizeBytes > blocksInImage * blockSize) damaged("its disk is larger than its blocks together");
  return { ...header, sizeBytes, blockBytes: blockSize };
}
