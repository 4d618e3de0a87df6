import { bytesSource, type Extent, type Piece } from "../../core/byte-source.ts";
import type { FatContents, FatDirectory, FatItem } from "./fat-contents.ts";
import { encodeDirectory } from "./fat-directories.ts";
import { firstCluster, sectorBytes } from "./fat-format.ts";
import { type FatGeometry, fatCopies } from "./fat-geometry.ts";
import { directoryClusters } from "./fat-size.ts";
import { encodeTable, type Run } from "./fat-table.ts";

export interface FatLayout {
  /** All but the reserved sectors. */
  readonly pieces: readonly Piece[];
  /** Where the contents of files lie, by path. */
  readonly files: ReadonlyMap<string, readonly Extent[]>;
}

/** One thing behind the other, each in one run of clusters: a directory, its files, then the next directory. */
export function layOut(contents: FatContents, geometry: FatGeometry, labelEntry: Uint8Array): FatLayout {
  const { reservedSectors, fatSectors, rootSectors } = geometry;
  const rootBytes = (reservedSectors + fatCopies * fatSectors) * sectorBytes;
  const clusterBytes = geometry.sectorsPerCluster * sectorBytes;
  const clustersBytes = rootBytes + rootSectors * sectorBytes;
  const offsetOf = (cluster: number) => clustersBytes + (cluster - firstCluster) * clusterBytes;

  const runs: Run[] = [];
  const starts = new Map<FatDirectory | FatItem, number>();
  let next = firstCluster;
  const take = (owner: FatDirectory | FatItem, count: number): number => {
    const first = next;
    starts.set(owner, count === 0 ? 0 : first);
    if (count > 0) runs.push({ first, count });
    next += count;
    return first;
  };

  const pieces: Piece[] = [];
  const files = new Map<string, readonly Extent[]>();
  for (const directory of contents.directories) {
    const hasOwnPlace = directory.parent === undefined && geometry.bits !== 32;
    take(directory, hasOwnPlace ? 0 : directoryClusters(directory.entryCount, clusterBytes));
    for (const item of directory.items) {
      if (item.node.type !== "file") continue;
      const { content } = item.node;
      const offsetBytes = offsetOf(take(item, Math.ceil(content.sizeBytes / clusterBytes)));
      pieces.push({ offsetBytes, source: content });
      files.set(item.path, content.sizeBytes === 0 ? [] : [{ offsetBytes, lengthBytes: content.sizeBytes }]);
    }
  }
  const startOf = (of: FatDirectory | FatItem) => starts.get(of) as number;
  for (const directory of contents.directories) {
    const start = startOf(directory);
    const source = bytesSource(encodeDirectory(directory, startOf, labelEntry));
    pieces.push({ offsetBytes: start === 0 ? rootBytes : offsetOf(start), source });
  }
  const table = bytesSource(encodeTable(geometry.bits, runs));
  for (let copy = 0; copy < fatCopies; copy++)
    pieces.push({ offsetBytes: (reservedSectors + copy * fatSectors) * sectorBytes, source: table });
  return { pieces, files };
}
