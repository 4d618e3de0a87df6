import { fail } from "../../core/errors.ts";
import { writeAt } from "../../core/output.ts";
import { zlibStored } from "../../core/zlib.ts";
import { Appender } from "./appender.ts";
import { createClusterCompressor } from "./cluster-compressor.ts";
import type { DiskIdentity, ImageSink, WriteRequest } from "./disk-format.ts";
import { writeDescriptor } from "./vmdk-descriptor.ts";
import {
  atTheEnd,
  deflateCompression,
  flags,
  grainBytes,
  grainMarkerStruct,
  headerStruct,
  lineEnds,
  magic,
  markerStruct,
  markerTypes,
  sectorBytes,
  streamVersion,
  tableEntries,
} from "./vmdk-format.ts";

const grainSectors = grainBytes / sectorBytes;
const descriptorSectors = 20;
/** Tables say where grains are in 32 bits of sectors. */
const mostFileSectors = 2 ** 32;

/** Writes streamOptimized: header and descriptor, grains with their tables behind them, directory, footer. */
export class StreamSink implements ImageSink {
  readonly windowBytes = grainBytes;
  readonly hasThreads = true;
  readonly #fd: number;
  readonly #diskSizeBytes: number;
  readonly #compressor: ReturnType<typeof createClusterCompressor>;
  readonly #file: Appender;
  readonly #directory: Uint8Array;
  #table: { readonly index: number; readonly entries: Uint8Array } | undefined;
  #committed: Promise<unknown> = Promise.resolve();

  constructor({ fd, diskSizeBytes, jobs }: WriteRequest) {
    this.#fd = fd;
    this.#diskSizeBytes = diskSizeBytes;
    this.#compressor = createClusterCompressor(grainBytes, "zlib-stream", jobs);
    this.#file = new Appender(fd, grainBytes);
    const tables = Math.ceil(diskSizeBytes / grainBytes / tableEntries);
    this.#directory = new Uint8Array(wholeSectors(tables * 4));
  }

  write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    const firstGrain = offsetBytes / grainBytes;
    const compressing = this.#compressor.compress(wholeGrains(bytes));
    // Compressed in any order, written in the disk's.
    const committed = Promise.all([compressing, this.#committed]).then(([result]) => {
      let at = 0;
      result.lengths.forEach((length, index) => {
        const data = result.packed.subarray(at, at + length);
        at += length;
        if (length > 0) this.#place(firstGrain + index, length === grainBytes ? zlibStored(data) : data);
      });
      this.#compressor.release(result);
    });
    this.#committed = committed;
    return committed;
  }

  finish(identity: DiskIdentity): void {
    this.#flushTable();
    const directoryOffset = this.#mark(markerTypes.directory, this.#directory);
    this.#mark(markerTypes.footer, this.#header(BigInt(directoryOffset)));
    this.#file.append(markerStruct.encode({ type: markerTypes.endOfStream }));
    this.#file.flush();
    const extent = 'SPARSE "disk.vmdk"';
    const diskSizeBytes = this.#diskSizeBytes;
    const descriptor = writeDescriptor({ createType: "streamOptimized", diskSizeBytes, identity, extent });
    const start = new Uint8Array(grainBytes);
    start.set(this.#header(atTheEnd));
    start.set(Buffer.from(descriptor), sectorBytes);
    writeAt(this.#fd, start, 0);
  }

  close(): void {
    this.#compressor.close();
  }

  #place(grain: number, data: Uint8Array): void {
    const index = Math.floor(grain / tableEntries);
    if (this.#table?.index !== index) {
      this.#flushTable();
      this.#table = { index, entries: new Uint8Array(tableEntries * 4) };
    }
    const sector = this.#sector();
    new DataView(this.#table?.entries.buffer as ArrayBuffer).setUint32((grain % tableEntries) * 4, sector, true);
    this.#file.append(grainMarkerStruct.encode({ value: BigInt(grain * grainSectors), size: data.length }));
    this.#file.append(data);
    this.#pad();
  }

  #flushTable(): void {
    if (this.#table === undefined) return;
    const { index, entries } = this.#table;
    const sector = this.#mark(markerTypes.table, entries);
    new DataView(this.#directory.buffer).setUint32(index * 4, sector, true);
    this.#table = undefined;
  }

  /** Writes a marker and what it announces; returns the sector of the latter. */
  #mark(type: number, content: Uint8Array): number {
    this.#file.append(markerStruct.encode({ value: BigInt(content.length / sectorBytes), type }));
    const sector = this.#sector();
    this.#file.append(content);
    return sector;
  }

  #sector(): number {
    const sector = this.#file.positionBytes / sectorBytes;
    if (sector >= mostFileSectors)
      fail("image/unsupported", "cannot write the disk as VMDK: the file would be larger than 2 TiB", {
        hint: "use qcow2 or raw",
      });
    return sector;
  }

  #pad(): void {
    const { positionBytes } = this.#file;
    this.#file.append(zeros.subarray(0, wholeSectors(positionBytes) - positionBytes));
  }

  #header(directoryOffset: bigint): Uint8Array {
    return headerStruct.encode({
      magic,
      version: streamVersion,
      flags: flags.validLineEnds | flags.compressed | flags.markers,
      capacity: BigInt(this.#diskSizeBytes / sectorBytes),
      grainSize: BigInt(grainSectors),
      descriptorOffset: 1n,
      descriptorSize: BigInt(descriptorSectors),
      tableEntries,
      directoryOffset,
      overhead: BigInt(grainSectors),
      lineEnds,
      compression: deflateCompression,
    });
  }
}

const zeros = new Uint8Array(sectorBytes);

function wholeSectors(lengthBytes: number): number {
  return Math.ceil(lengthBytes / sectorBytes) * sectorBytes;
}

function wholeGrains(bytes: Uint8Array): Uint8Array {
  if (bytes.length % grainBytes === 0) return bytes;
  const whole = new Uint8Array(Math.ceil(bytes.length / grainBytes) * grainBytes);
  whole.set(bytes);
  return whole;
}
