import { type ByteSource, composeSource, type Piece, sliceSource, zeroSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { blockSizeText, bytesAt } from "./block-source.ts";
import type { ImageFile, ImageReader, OpenOther, ReadImage } from "./image-reader.ts";
import {
  type DescriptorExtent,
  looksLikeDescriptor,
  readDescriptor,
  type VmdkDescriptor,
} from "./vmdk-descriptor-reader.ts";
import { sectorBytes } from "./vmdk-format.ts";
import { hasSparseHeader, readSparseHeader } from "./vmdk-sparse-header-reader.ts";
import { openGrains } from "./vmdk-sparse-reader.ts";

const largestDescriptorBytes = 1024 ** 2;
/** Under this name a reader tells what children know it by. */
const idDetail = "content id";

/** VMware's format: one file (monolithicSparse, streamOptimized), or a descriptor with files of extents (monolithicFlat, twoGbMaxExtent…). */
export const vmdkReader: ImageReader = {
  name: "vmdk",
  detect: (file) => hasSparseHeader(file) || isDescriptorFile(file),
  read: (file, openOther) =>
    hasSparseHeader(file) ? readMonolithic(file, openOther) : readDescriptorFile(file, openOther),
};

/** One sparse file of several, without regard to what its own descriptor says: only a descriptor's file leads here, and nothing further from it. */
export const vmdkExtentReader: ImageReader = {
  name: "vmdk-extent",
  detect: hasSparseHeader,
  read(file) {
    const { disk } = openGrains(file, readSparseHeader(file), undefined);
    return { format: "vmdk", disk, details: [], problems: [], otherFiles: [], close() {} };
  },
};

function isDescriptorFile({ source }: ImageFile): boolean {
  const bytes = new Uint8Array(Math.min(source.sizeBytes, sectorBytes));
  source.read(bytes, 0);
  return looksLikeDescriptor(bytes);
}

function readMonolithic(file: ImageFile, openOther: OpenOther): ReadImage {
  const { path } = file;
  const header = readSparseHeader(file);
  if (header.descriptorOffsetBytes === 0)
    fail("image/unsupported", `cannot use ${path}: it is one part of a disk`, {
      hint: "use the file that describes the disk: its name has no -s001",
    });
  const descriptor = readDescriptor(
    bytesAt(file, header.descriptorOffsetBytes, header.descriptorBytes, "descriptor"),
    path,
  );
  if (descriptor.extents.length > 1)
    fail("image/unsupported", `cannot use ${path}: its disk lies in ${descriptor.extents.length} files`);
  const parent = descriptor.parent && openParent(file, descriptor.parent, openOther);
  const { disk, count } = openGrains(file, header, parent?.disk);
  return {
    format: "vmdk",
    disk,
    details: [
      ["type", descriptor.createType],
      ["grain size", blockSizeText(header.grainBytes)],
      [
        "grains",
        `${count}${header.isCompressed ? " compressed" : ""} of ${Math.ceil(disk.sizeBytes / header.grainBytes)}`,
      ],
      ...commonDetails(descriptor),
      ...(parent === undefined ? [] : [["parent", parent.path] as const]),
    ],
    problems: header.isUnclean ? ["it was not closed properly"] : [],
    otherFiles: parent === undefined ? [] : [parent.path, ...parent.otherFiles],
    close() {},
  };
}

function readDescriptorFile(file: ImageFile, openOther: OpenOther): ReadImage {
  const { path, source } = file;
  if (source.sizeBytes > largestDescriptorBytes)
    fail("image/damaged", `cannot use ${path}: a VMDK descriptor of ${source.sizeBytes} bytes cannot be`);
  const descriptor = readDescriptor(bytesAt(file, 0, source.sizeBytes, "descriptor"), path);
  if (descriptor.parent !== undefined)
    fail(
      "image/unsupported",
      `cannot use ${path}: it holds only the differences from ${JSON.stringify(descriptor.parent.name)}`,
      { hint: "make one disk of both: qemu-img convert, or vmware-vdiskmanager -r" },
    );
  const otherFiles: string[] = [];
  const pieces: Piece[] = [];
  let offsetBytes = 0;
  for (const extent of descriptor.extents) {
    const part = openExtent(file, extent, openOther);
    pieces.push({ offsetBytes, source: part.disk });
    offsetBytes += part.disk.sizeBytes;
    if (part.path !== undefined && !otherFiles.includes(part.path)) otherFiles.push(part.path);
  }
  if (offsetBytes === 0) fail("image/damaged", `cannot use ${path}: its disk is empty`);
  return {
    format: "vmdk",
    disk: composeSource(offsetBytes, pieces),
    details: [
      ["type", descriptor.createType],
      ["extents", `${descriptor.extents.length}`],
      ...commonDetails(descriptor),
    ],
    problems: [],
    otherFiles,
    close() {},
  };
}

function openExtent(
  { path }: ImageFile,
  { type, access, name, sectors, offsetSectors }: DescriptorExtent,
  openOther: OpenOther,
): { disk: ByteSource; path?: string } {
  const sizeBytes = sectors * sectorBytes;
  if (type === "ZERO") return { disk: zeroSource(sizeBytes) };
  if (access === "NOACCESS" || !["FLAT", "VMFS", "SPARSE"].includes(type))
    fail("image/unsupported", `cannot use ${path}: it has an extent of type ${access} ${type}`, {
      hint: "convert it with the program that made it, or copy it by vmkfstools -i",
    });
  // A descriptor is mere text: it must not reach any file of the host.
  if (name === "" || name.split(/[\\/]/).includes("..") || /^([\\/]|[A-Za-z]:)/.test(name))
    fail("image/unsupported", `cannot use ${path}: its extent ${JSON.stringify(name)} is not beside it`, {
      hint: "put the files of the disk into one directory, and their bare names into the descriptor",
    });
  const isSparse = type === "SPARSE";
  const other = openOther(name.replaceAll("\\", "/"), isSparse ? "vmdk-extent" : "raw");
  const startBytes = isSparse ? 0 : offsetSectors * sectorBytes;
  if (startBytes + sizeBytes > other.disk.sizeBytes)
    fail("image/damaged", `cannot use ${path}: its extent ${JSON.stringify(name)} is too short`, {
      hint: "was it copied completely?",
    });
  return { disk: sliceSource(other.disk, startBytes, sizeBytes), path: other.path };
}

function openParent(
  { path }: ImageFile,
  { cid, name }: NonNullable<VmdkDescriptor["parent"]>,
  openOther: OpenOther,
): ReturnType<OpenOther> {
  if (name === "")
    fail("image/unsupported", `cannot use ${path}: it holds only the differences from a disk that it does not name`);
  const parent = openOther(name, "vmdk");
  if (parent.details.find(([key]) => key === idDetail)?.[1] !== cid)
    fail("image/damaged", `cannot use ${path}: ${parent.path} is not as it was when this was made from it`);
  return parent;
}

function commonDetails({ cid, adapter }: VmdkDescriptor): (readonly [string, string])[] {
  return [[idDetail, cid], ...(adapter === undefined ? [] : [["adapter", adapter] as const])];
}
