import { type ByteSource, bytesSource, composeSource } from "../core/byte-source.ts";
import type { DiskImage } from "./disk-image.ts";

const clusterBits = 16;
const clusterBytes = 2 ** clusterBits;
/** An L2 table fills a cluster with entries of 8 bytes, each for one cluster. */
const bytesPerMapEntry = (clusterBytes / 8) * clusterBytes;
const headerBytes = 104;
const backingFormatExtension = 0xe2792aca;

/**
 * An empty qcow2 file over an image that is only read: a machine's disk, whose changes stay in it. It may be larger than the image. (QEMU,
 * docs/interop/qcow2.txt, version 3.) Clusters: header, refcount table, refcount block, L1 table.
 *
 * @param sizeBytes of the disk that the guest sees; not below the image's
 */
export function overlayDisk(image: DiskImage, sizeBytes: number): ByteSource {
  if (sizeBytes < image.sizeBytes) throw new RangeError("the overlay would cut its image off");
  const name = Buffer.from(backingName(image));
  const mapEntries = Math.ceil(sizeBytes / bytesPerMapEntry);
  const mapClusters = Math.max(1, Math.ceil((mapEntries * 8) / clusterBytes));
  const clusters = 3 + mapClusters;

  const header = Buffer.alloc(clusterBytes);
  header.write("QFI\xfb", 0, "latin1");
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(name.length, 16);
  header.writeUInt32BE(clusterBits, 20);
  header.writeBigUInt64BE(BigInt(sizeBytes), 24);
  header.writeUInt32BE(mapEntries, 36);
  header.writeBigUInt64BE(BigInt(3 * clusterBytes), 40);
  header.writeBigUInt64BE(BigInt(clusterBytes), 48);
  header.writeUInt32BE(1, 56);
  // Refcounts of 2^4 bits.
  header.writeUInt32BE(4, 96);
  header.writeUInt32BE(headerBytes, 100);
  // Naming the format keeps QEMU from guessing it by what a guest may have written there.
  let at = header.writeUInt32BE(backingFormatExtension, headerBytes);
  at = header.writeUInt32BE(image.format.length, at);
  at += header.write(image.format, at, "latin1");
  // Extensions are padded to 8 bytes; one of type 0 and length 0 ends them.
  at = Math.ceil(at / 8) * 8 + 8;
  header.writeBigUInt64BE(BigInt(at), 8);
  // The specification allows 1023 bytes; the file systems that we know allow paths of 4096, but nobody has them.
  if (name.length > 1023) throw new RangeError("the path of the image is too long for a qcow2 header");
  name.copy(header, at);

  const refcountTable = Buffer.alloc(8);
  refcountTable.writeBigUInt64BE(BigInt(2 * clusterBytes));
  const refcounts = Buffer.alloc(clusters * 2);
  for (let cluster = 0; cluster < clusters; cluster++) refcounts.writeUInt16BE(1, cluster * 2);
  return composeSource(clusters * clusterBytes, [
    { offsetBytes: 0, source: bytesSource(header) },
    { offsetBytes: clusterBytes, source: bytesSource(refcountTable) },
    { offsetBytes: 2 * clusterBytes, source: bytesSource(refcounts) },
  ]);
}

/** QEMU takes the size of a VHD from its geometry, which is less than the disk's own, unless told otherwise (block/vpc.c, force_size_calc). */
function backingName({ path, format }: DiskImage): string {
  if (format !== "vpc") return path;
  const file = { driver: "file", filename: path };
  return `json:${JSON.stringify({ driver: "vpc", force_size_calc: "current_size", file })}`;
}
