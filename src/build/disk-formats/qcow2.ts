import { ftruncateSync } from "node:fs";
import { isZero } from "../../core/checksums.ts";
import { fail } from "../../core/errors.ts";
import { writeAt } from "../../core/output.ts";
import { Appender } from "./appender.ts";
import { type ClusterCache, openClusterCache } from "./cluster-cache.ts";
import { type ClusterCompressor, compressionVersions, createClusterCompressor } from "./cluster-compressor.ts";
import type { DiskFormat, FormatOptions, ImageSink, WriteRequest } from "./disk-format.ts";
import {
  compressedEntry,
  compressionTypes,
  header2Struct,
  header3Struct,
  incompatible,
  magic,
  plainEntry,
  plainHeader3Bytes,
  refcountOrder,
  versionOfCompat,
} from "./qcow2-format.ts";
import { layoutQcow2, type Qcow2Layout } from "./qcow2-layout.ts";

const sectorBytes = 512;

/** QEMU's copy-on-write format. Unless asked for otherwise version 3 (compat 1.1), with zlib compression: what every cloud imports. */
export const qcow2: DiskFormat = {
  name: "qcow2",
  extension: ".qcow2",
  open: (request) => new Qcow2Sink(request),
};

class Qcow2Sink implements ImageSink {
  readonly windowBytes: number;
  readonly hasThreads: boolean;
  readonly #fd: number;
  readonly #diskSizeBytes: number;
  readonly #options: Required<FormatOptions>;
  readonly #layout: Qcow2Layout;
  readonly #compressor: ClusterCompressor | undefined;
  readonly #cache: ClusterCache | undefined;
  readonly #data: Appender;
  readonly #refcounts: Uint16Array;
  readonly #l1: BigUint64Array;
  #l2: { readonly l1Index: number; readonly table: DataView } | undefined;
  /** The rest of a cluster behind which a plain one had to follow: room for compressed ones that fit. */
  #leftover = { startBytes: 0, endBytes: 0 };
  #committed: Promise<unknown> = Promise.resolve();

  constructor(request: WriteRequest) {
    const { fd, diskSizeBytes, extents, clusterSizeBytes, compress, jobs, options = {}, clusterCache } = request;
    const { compat = "1.1", compression = "zlib" } = options;
    if (compat === "0.10" && compression === "zstd")
      fail("image/unsupported", "cannot write qcow2 of compat 0.10 with zstd compression", {
        hint: "choose zlib, or compat 1.1",
      });
    this.#options = { compat, compression: compress ? compression : "zlib" };
    this.#layout = layoutQcow2(diskSizeBytes, extents, clusterSizeBytes);
    this.windowBytes = clusterSizeBytes;
    this.hasThreads = compress;
    this.#fd = fd;
    this.#diskSizeBytes = Math.ceil(diskSizeBytes / sectorBytes) * sectorBytes;
    if (compress) {
      const kind = { method: compressionVersions[compression], clusterBytes: clusterSizeBytes };
      this.#cache = clusterCache === undefined ? undefined : openClusterCache(clusterCache, kind);
      this.#compressor = createClusterCompressor(
        clusterSizeBytes,
        compression,
        jobs,
        this.#cache && { known: this.#cache.known },
      );
    }
    this.#data = new Appender(fd, this.#layout.dataStart * clusterSizeBytes);
    this.#refcounts = new Uint16Array(this.#layout.mostClusters);
    this.#refcounts.fill(1, 0, this.#layout.refcountBlockStart + this.#layout.refcountBlocks);
    this.#l1 = new BigUint64Array(this.#layout.l1Entries);
  }

  write(bytes: Uint8Array, offsetBytes: number): Promise<void> | void {
    const { clusterBytes } = this.#layout;
    const firstCluster = offsetBytes / clusterBytes;
    const whole = wholeClusters(bytes, clusterBytes);
    if (this.#compressor === undefined) {
      for (let at = 0; at < whole.length; at += clusterBytes) {
        const cluster = whole.subarray(at, at + clusterBytes);
        if (!isZero(cluster)) this.#placePlain(firstCluster + at / clusterBytes, cluster);
      }
      return;
    }
    // Compressed in any order, committed in the disk's: the file's bytes do not depend on timing.
    const compressor = this.#compressor;
    const compressing = compressor.compress(whole);
    const committed = Promise.all([compressing, this.#committed]).then(([result]) => {
      const { packed, lengths, digests, isKnown } = result;
      let at = 0;
      let order = 0;
      lengths.forEach((length, index) => {
        const data = packed.subarray(at, at + length);
        at += length;
        if (length > 0 && digests !== undefined) {
          this.#cache?.add(digests.subarray(order * 32, order * 32 + 32), data, isKnown[order] === true);
          order++;
        }
        if (length === clusterBytes) this.#placePlain(firstCluster + index, data);
        else if (length > 0) this.#placeCompressed(firstCluster + index, data);
      });
      compressor.release(result);
    });
    this.#committed = committed;
    return committed;
  }

  close(): void {
    this.#compressor?.close();
    this.#cache?.close();
  }

  finish(): void {
    const { clusterBytes, l1Start, refcountTableStart, refcountBlockStart, refcountBlocks } = this.#layout;
    this.#data.flush();
    this.#flushL2();
    const refcountTable = BigUint64Array.from({ length: refcountBlocks }, (_, index) =>
      BigInt((refcountBlockStart + index) * clusterBytes),
    );
    writeAt(this.#fd, bigEndian(this.#refcounts), refcountBlockStart * clusterBytes);
    writeAt(this.#fd, bigEndian(refcountTable), refcountTableStart * clusterBytes);
    writeAt(this.#fd, bigEndian(this.#l1), l1Start * clusterBytes);
    writeAt(this.#fd, this.#header(), 0);
    // Readers take compressed data in whole sectors, so the last one is whole too.
    ftruncateSync(this.#fd, Math.ceil(this.#data.positionBytes / sectorBytes) * sectorBytes);
    this.#cache?.keep();
  }

  #header(): Uint8Array {
    const { clusterBytes, clusterBits, l1Entries, l1Start, refcountTableStart, refcountTableClusters } = this.#layout;
    const { compat, compression } = this.#options;
    const common = {
      magic,
      version: versionOfCompat[compat ?? "1.1"],
      clusterBits,
      sizeBytes: this.#diskSizeBytes,
      l1Size: l1Entries,
      l1TableOffset: l1Start * clusterBytes,
      refcountTableOffset: refcountTableStart * clusterBytes,
      refcountTableClusters,
    };
    if (compat === "0.10") return header2Struct.encode(common);
    const whole = header3Struct.encode({
      ...common,
      refcountOrder,
      ...(compression === "zstd"
        ? {
            incompatibleFeatures: incompatible.compressionType,
            compressionType: compressionTypes.zstd,
            headerLength: header3Struct.size,
          }
        : { headerLength: plainHeader3Bytes }),
    });
    return compression === "zstd" ? whole : whole.subarray(0, plainHeader3Bytes);
  }

  #placePlain(guestCluster: number, cluster: Uint8Array): void {
    const { clusterBytes } = this.#layout;
    const { positionBytes } = this.#data;
    const hostOffset = Math.ceil(positionBytes / clusterBytes) * clusterBytes;
    if (hostOffset - positionBytes > this.#leftover.endBytes - this.#leftover.startBytes)
      this.#leftover = { startBytes: positionBytes, endBytes: hostOffset };
    this.#data.skipTo(hostOffset);
    this.#data.append(cluster);
    this.#refcounts[hostOffset / clusterBytes] = 1;
    this.#map(guestCluster, plainEntry(hostOffset));
  }

  #placeCompressed(guestCluster: number, compressed: Uint8Array): void {
    const { clusterBytes, clusterBits } = this.#layout;
    const { length } = compressed;
    let hostOffset = this.#data.positionBytes;
    if (length <= this.#leftover.endBytes - this.#leftover.startBytes) {
      hostOffset = this.#leftover.startBytes;
      this.#leftover.startBytes += length;
      writeAt(this.#fd, compressed, hostOffset);
    } else this.#data.append(compressed);
    const last = Math.floor((hostOffset + length - 1) / clusterBytes);
    for (let host = Math.floor(hostOffset / clusterBytes); host <= last; host++)
      this.#refcounts[host] = (this.#refcounts[host] as number) + 1;
    this.#map(guestCluster, compressedEntry(hostOffset, length, clusterBits));
  }

  #map(guestCluster: number, entry: bigint): void {
    const { clusterBytes, l2Entries } = this.#layout;
    const l1Index = Math.floor(guestCluster / l2Entries);
    if (this.#l2?.l1Index !== l1Index) {
      this.#flushL2();
      this.#l2 = { l1Index, table: new DataView(new ArrayBuffer(clusterBytes)) };
    }
    this.#l2?.table.setBigUint64((guestCluster % l2Entries) * 8, entry);
  }

  #flushL2(): void {
    if (this.#l2 === undefined) return;
    const { l1Index, table } = this.#l2;
    const cluster = this.#layout.l2Clusters.get(l1Index);
    if (cluster === undefined) throw new RangeError(`no L2 table was planned for L1 index ${l1Index}`);
    const hostOffset = cluster * this.#layout.clusterBytes;
    writeAt(this.#fd, new Uint8Array(table.buffer), hostOffset);
    this.#refcounts[cluster] = 1;
    this.#l1[l1Index] = plainEntry(hostOffset);
  }
}

function wholeClusters(bytes: Uint8Array, clusterBytes: number): Uint8Array {
  if (bytes.length % clusterBytes === 0) return bytes;
  const whole = new Uint8Array(Math.ceil(bytes.length / clusterBytes) * clusterBytes);
  whole.set(bytes);
  return whole;
}

function bigEndian(numbers: Uint16Array | BigUint64Array): Uint8Array {
  const bytes = Buffer.from(numbers.slice().buffer);
  return numbers instanceof Uint16Array ? bytes.swap16() : bytes.swap64();
}
