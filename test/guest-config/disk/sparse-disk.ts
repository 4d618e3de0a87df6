import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { ByteSource } from "../../../src/core/byte-source.ts";
import type { Sectors } from "../../../src/guest-config/disk/sectors.ts";

/** A disk of any size in memory that holds little. */
export interface SparseDisk extends ByteSource {
  /** Overwrites; in whole sectors of 512 bytes, as a disk does. */
  write(offsetBytes: number, bytes: Uint8Array): void;
  /** The same content on a disk of another size: what lies beyond is lost. */
  resized(sizeBytes: number): SparseDisk;
  sectors(sectorBytes: number): Sectors;
  /** As a sparse file. */
  save(path: string): void;
}

const unit = 512;

export function sparseDisk(sizeBytes: number, content: ReadonlyMap<number, Uint8Array> = new Map()): SparseDisk {
  const units = new Map(content);
  const disk: SparseDisk = {
    sizeBytes,
    get extents() {
      const numbers = [...units.keys()].sort((first, second) => first - second);
      return numbers.map((number) => ({ offsetBytes: number * unit, lengthBytes: unit }));
    },
    read(target, offsetBytes) {
      for (let done = 0; done < target.length; ) {
        const at = offsetBytes + done;
        const skipped = at % unit;
        const length = Math.min(unit - skipped, target.length - done);
        const found = units.get(Math.floor(at / unit))?.subarray(skipped, skipped + length);
        if (found === undefined) target.fill(0, done, done + length);
        else target.set(found, done);
        done += length;
      }
    },
    write(offsetBytes, bytes) {
      if (offsetBytes % unit !== 0 || bytes.length % unit !== 0 || offsetBytes < 0)
        throw new RangeError("half a sector");
      if (offsetBytes + bytes.length > sizeBytes) throw new RangeError("beyond the disk");
      for (let at = 0; at < bytes.length; at += unit) units.set((offsetBytes + at) / unit, bytes.slice(at, at + unit));
    },
    resized(newBytes) {
      return sparseDisk(newBytes, new Map([...units].filter(([number]) => (number + 1) * unit <= newBytes)));
    },
    sectors: (sectorBytes) => ({
      sectorBytes,
      count: Math.floor(sizeBytes / sectorBytes),
      read(lba, count) {
        if (lba < 0 || (lba + count) * sectorBytes > sizeBytes) return undefined;
        const bytes = new Uint8Array(count * sectorBytes);
        disk.read(bytes, lba * sectorBytes);
        return bytes;
      },
    }),
    save(path) {
      const fd = openSync(path, "w");
      ftruncateSync(fd, sizeBytes);
      for (const [number, bytes] of units) writeSync(fd, bytes, 0, unit, number * unit);
      closeSync(fd);
    },
  };
  return disk;
}

/** A disk with the pieces of a plan on it. */
export function diskOf(sizeBytes: number, pieces: Iterable<{ offsetBytes: number; source: ByteSource }>): SparseDisk {
  const disk = sparseDisk(sizeBytes);
  for (const { offsetBytes, source } of pieces) {
    const bytes = new Uint8Array(Math.ceil(source.sizeBytes / unit) * unit);
    source.read(bytes.subarray(0, source.sizeBytes), 0);
    disk.write(offsetBytes, bytes);
  }
  return disk;
}
