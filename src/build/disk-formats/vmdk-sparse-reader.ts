import { constants, inflateSync } from "node:zlib";
import type { ByteSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { blockSource, bytesAt, readInside, readUnderneath } from "./block-source.ts";
import type { ImageFile } from "./image-reader.ts";
import { grainMarkerStruct, noGrain, sectorBytes, zeroGrain } from "./vmdk-format.ts";
import type { SparseHeader } from "./vmdk-sparse-header-reader.ts";

/** A file system is read in small pieces: the last grains and tables are kept. */
const keptGrainBytes = 4 * 1024 ** 2;
const keptTables = 64;

/** The disk of a sparse extent; `parent` shows through where it stores nothing. Errors: `image/damaged`. */
export function openGrains(
  file: ImageFile,
  header: SparseHeader,
  parent: ByteSource | undefined,
): { disk: ByteSource; count: number } {
  const { sizeBytes, grainBytes, tableEntries, isCompressed } = header;
  const grains = Math.ceil(sizeBytes / grainBytes);
  const tables = Math.ceil(grains / tableEntries);
  const directory = bytesAt(file, header.directoryOffsetBytes, tables * 4, "grain directory");
  checkDirectory(file, directory, tableEntries * 4);
  const tableAt = keepLast(keptTables, (index: number) =>
    bytesAt(file, directory.readUInt32LE(index * 4) * sectorBytes, tableEntries * 4, `grain table ${index}`),
  );
  let count = 0;
  function* stored() {
    for (let index = 0; index < tables; index++) {
      if (directory.readUInt32LE(index * 4) === 0) continue;
      const table = tableAt(index);
      const entries = Math.min(tableEntries, grains - index * tableEntries);
      for (let entry = 0; entry < entries; entry++) {
        if (table.readUInt32LE(entry * 4) <= zeroGrain) continue;
        count++;
        yield index * tableEntries + entry;
      }
    }
  }
  function entryOf(grain: number): number {
    const index = Math.floor(grain / tableEntries);
    if (directory.readUInt32LE(index * 4) === 0) return noGrain;
    return tableAt(index).readUInt32LE((grain % tableEntries) * 4);
  }
  const grainAt = keepLast(Math.max(2, Math.floor(keptGrainBytes / grainBytes)), (grain: number) =>
    inflateGrain(file, header, grain, entryOf(grain) * sectorBytes),
  );
  const disk = blockSource(
    {
      sizeBytes,
      blockBytes: grainBytes,
      stored: stored(),
      leastStoredBytes: isCompressed ? sectorBytes : grainBytes,
      underneath: parent,
      readBlock(target, grain, insideBytes) {
        const entry = entryOf(grain);
        if (entry === noGrain) readUnderneath(parent, target, grain * grainBytes + insideBytes);
        else if (entry === zeroGrain) target.fill(0);
        else if (!isCompressed) readInside(file, target, entry * sectorBytes + insideBytes, `grain ${grain}`);
        else {
          const bytes = grainAt(grain);
          if (bytes.length < insideBytes + target.length) damagedGrain(file, grain);
          target.set(bytes.subarray(insideBytes, insideBytes + target.length));
        }
      },
    },
    file,
  );
  return { disk, count };
}

/** Two entries for one table would make a small file a large disk. */
function checkDirectory({ path, source }: ImageFile, directory: Buffer, tableBytes: number): void {
  let bytes = 0;
  for (let at = 0; at < directory.length; at += 4) if (directory.readUInt32LE(at) !== 0) bytes += tableBytes;
  if (bytes > source.sizeBytes)
    fail("image/damaged", `cannot use ${path}: its grain tables are more than the file holds`);
}

/** May be shorter than a grain where the disk ends. */
function inflateGrain(file: ImageFile, header: SparseHeader, grain: number, offsetBytes: number): Uint8Array {
  const { grainBytes, hasMarkers } = header;
  const mostBytes = 2 * grainBytes;
  let start = offsetBytes;
  let length = Math.max(0, Math.min(mostBytes, file.source.sizeBytes - offsetBytes));
  if (hasMarkers) {
    const bytes = bytesAt(file, offsetBytes, grainMarkerStruct.size, `grain ${grain}`);
    const { value, size } = grainMarkerStruct.decode(bytes);
    if (size === 0 || size > mostBytes || value !== BigInt(grain) * BigInt(grainBytes / sectorBytes))
      damagedGrain(file, grain);
    start += grainMarkerStruct.size;
    length = size;
  }
  const compressed = bytesAt(file, start, length, `grain ${grain}`);
  try {
    const finishFlush = hasMarkers ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    return inflateSync(compressed, { maxOutputLength: grainBytes, chunkSize: grainBytes, finishFlush });
  } catch (error) {
    return damagedGrain(file, grain, error);
  }
}

function damagedGrain({ path }: ImageFile, grain: number, cause?: unknown): never {
  fail("image/damaged", `cannot use ${path}: what should be its grain ${grain} is none`, { cause });
}

/** Remembers the last results. */
function keepLast<T>(most: number, make: (key: number) => T): (key: number) => T {
  const kept = new Map<number, T>();
  return (key) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const [oldest] = kept.keys();
    if (kept.size >= most && oldest !== undefined) kept.delete(oldest);
    const made = make(key);
    kept.set(key, made);
    return made;
  };
}
