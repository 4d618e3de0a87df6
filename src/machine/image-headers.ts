/** What the beginning and the end of an image file say. Only what QEMU needs to be told; it reads the rest itself. */
export interface ImageHeader {
  readonly format: "raw" | "qcow2" | "vpc" | "vdi" | "vmdk";
  /** Of the disk that the guest sees. */
  readonly sizeBytes: number;
  /** Why it cannot be run all the same, and what to do. */
  readonly problem?: { readonly reason: string; readonly hint: string } | undefined;
}

/** The parts of a file that are looked at. */
export interface FileEnds {
  /** At least the first 68 KiB, or all of a smaller file. */
  readonly head: Buffer;
  /** The last sector. */
  readonly tail: Buffer;
  readonly fileBytes: number;
}

const sectorBytes = 512;
const convert = "convert it: cloudimg convert IN OUT.qcow2";
const cut = "was it copied completely?";

/** By QEMU's names; a raw file, which has no header, by what a disk begins with. Undefined if it is none of these. */
export function readImageHeader(file: FileEnds): ImageHeader | undefined {
  return qcow2(file) ?? vdi(file) ?? vmdk(file) ?? vpc(file) ?? raw(file);
}

/** QEMU, docs/interop/qcow2.txt, "Header". */
function qcow2({ head, fileBytes }: FileEnds): ImageHeader | undefined {
  if (head.length < 72 || head.toString("latin1", 0, 4) !== "QFI\xfb") return undefined;
  const [version, backingNameBytes, clusterBits] = [head.readUInt32BE(4), head.readUInt32BE(16), head.readUInt32BE(20)];
  const [encryption, mapOffset] = [head.readUInt32BE(32), Number(head.readBigUInt64BE(40))];
  const header = (reason?: string, hint = convert): ImageHeader => ({
    ...{ format: "qcow2", sizeBytes: Number(head.readBigUInt64BE(24)) },
    problem: reason === undefined ? undefined : { reason, hint },
  });
  if (version !== 2 && version !== 3) return header(`its qcow2 version is ${version}`, "versions 2 and 3 exist");
  if (backingNameBytes !== 0) return header("it is only a difference to another image");
  if (encryption !== 0) return header("it is encrypted");
  if (clusterBits < 9 || clusterBits > 21 || mapOffset >= fileBytes)
    return header("its qcow2 header does not fit the file", cut);
  return header();
}

/** VirtualBox, VDICore.h: header version 1.1. */
function vdi({ head, fileBytes }: FileEnds): ImageHeader | undefined {
  if (head.length < 512 || head.readUInt32LE(0x40) !== 0xbeda107f) return undefined;
  const differencing = 4;
  const header = { format: "vdi", sizeBytes: Number(head.readBigUInt64LE(0x170)) } as const;
  if (head.readUInt32LE(0x4c) === differencing)
    return { ...header, problem: { reason: "it is only a difference to another image", hint: convert } };
  if (head.readUInt32LE(0x158) > fileBytes)
    return { ...header, problem: { reason: "its VDI header does not fit the file", hint: cut } };
  return header;
}

/** VMware, "Virtual Disk Format 5.0": a sparse extent, or a descriptor that names its extents. */
function vmdk({ head }: FileEnds): ImageHeader | undefined {
  const isSparse = head.length >= 512 && head.toString("latin1", 0, 4) === "KDMV";
  const isText = /^# Disk DescriptorFile\s/.test(head.toString("latin1", 0, 32));
  if (!isSparse && !isText) return undefined;
  const at = isSparse ? Number(head.readBigUInt64LE(28)) * sectorBytes : 0;
  const bytes = isSparse ? Number(head.readBigUInt64LE(36)) * sectorBytes : head.length;
  const text = head.toString("latin1", at, at + bytes);
  const extents = [...text.matchAll(/^RW (\d+) (?:FLAT|SPARSE|ZERO)\b/gm)].map(([, sectors]) => Number(sectors));
  const sectors = isSparse ? Number(head.readBigUInt64LE(12)) : extents.reduce((sum, each) => sum + each, 0);
  const header = { format: "vmdk", sizeBytes: sectors * sectorBytes } as const;
  const parent = /^parentCID\s*=\s*([0-9a-f]+)/im.exec(text)?.[1]?.toLowerCase() ?? "ffffffff";
  if (parent !== "ffffffff")
    return { ...header, problem: { reason: "it is only a difference to another image", hint: convert } };
  return header;
}

/** Microsoft, "Virtual Hard Disk Image Format Specification": a footer at the end, of which a dynamic disk has a copy in front. */
function vpc({ tail, fileBytes }: FileEnds): ImageHeader | undefined {
  if (tail.length !== sectorBytes || tail.toString("latin1", 0, 8) !== "conectix") return undefined;
  const [fixed, differencing] = [2, 4];
  const type = tail.readUInt32BE(60);
  const header = { format: "vpc", sizeBytes: Number(tail.readBigUInt64BE(48)) } as const;
  if (type === differencing)
    return { ...header, problem: { reason: "it is only a difference to another image", hint: convert } };
  if (type === fixed && header.sizeBytes > fileBytes - sectorBytes)
    return { ...header, problem: { reason: "its VHD footer does not fit the file", hint: cut } };
  return header;
}

function raw({ head, fileBytes }: FileEnds): ImageHeader | undefined {
  const has = (text: string, at: number) => head.toString("latin1", at, at + text.length) === text;
  const isBootable = has("\x55\xaa", 510);
  // A disk without a partition table: ext2 and its successors, squashfs, ISO 9660.
  const isFileSystem = has("\x53\xef", 1080) || has("hsqs", 0) || has("CD001", 32769);
  if (!isBootable && !isFileSystem && !has("EFI PART", 512)) return undefined;
  const header = { format: "raw", sizeBytes: fileBytes } as const;
  if (fileBytes % sectorBytes === 0) return header;
  const reason = `a raw disk has whole sectors, this file has ${fileBytes} bytes`;
  return { ...header, problem: { reason, hint: cut } };
}
