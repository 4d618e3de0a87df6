import type { ByteSource } from "../../core/byte-source.ts";
import { unitsSource } from "./ext4-body.ts";
import { setIndexTail } from "./ext4-checksums.ts";
import { type DirectoryEntry, encodeBlock, encodeEntries, packEntries, recordBytes } from "./ext4-directory-blocks.ts";
import type { DirectoryHash } from "./ext4-directory-hash.ts";
import {
  blockSizeBytes,
  directoryEntryHeader,
  entryTypes,
  hashVersions,
  indexCounts,
  indexEntry,
  indexRootInfo,
  indexTail,
} from "./ext4-format.ts";

/** One entry of the index: names whose hash is at least `hash` are in this block of the directory. */
interface IndexPointer {
  readonly hash: number;
  readonly block: number;
}

const rootEntriesAt = 2 * recordBytes(2) + indexRootInfo.size;
const nodeEntriesAt = directoryEntryHeader.size;

/** How many entries a block of the index takes, which begin at some offset. */
function capacityFrom(entriesAt: number, checksums: boolean): number {
  return (blockSizeBytes - entriesAt - (checksums ? indexTail.size : 0)) / indexEntry.size;
}

/**
 * A directory sorted by hash (feature `dir_index`; kernel documentation, "Hash Tree Directories"): block 0 is the root of the index, then come its
 * inner nodes if it has any, then blocks of plain entries. Undefined if two levels are too few (more than ten million names).
 */
export function planIndexedDirectory(
  self: number,
  parent: number,
  entries: readonly DirectoryEntry[],
  hash: DirectoryHash,
  seed: number | undefined,
): ByteSource | undefined {
  const rootCapacity = capacityFrom(rootEntriesAt, seed !== undefined);
  const nodeCapacity = capacityFrom(nodeEntriesAt, seed !== undefined);
  const hashed = entries
    .map((entry) => ({ entry, hash: hash(entry.name) }))
    .sort((a, b) => a.hash - b.hash || Buffer.compare(a.entry.name, b.entry.name));
  const sorted = hashed.map(({ entry }) => entry);
  const starts = packEntries(sorted, seed !== undefined);
  const nodeCount = starts.length <= rootCapacity ? 0 : Math.ceil(starts.length / nodeCapacity);
  if (nodeCount > rootCapacity) return undefined;

  const firstLeaf = 1 + nodeCount;
  const leaves = starts.map((start, index): IndexPointer => {
    const own = hashed[start]?.hash as number;
    // The low bit says that names of this very hash begin in the block before.
    const continued = start > 0 && hashed[start - 1]?.hash === own;
    return { hash: continued ? own + 1 : own, block: firstLeaf + index };
  });
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    leaves.slice(index * nodeCapacity, (index + 1) * nodeCapacity),
  );
  const top = nodes.map((node, index): IndexPointer => ({ hash: node[0]?.hash as number, block: 1 + index }));

  return unitsSource(firstLeaf + starts.length, blockSizeBytes, (target, block) => {
    if (block === 0) {
      encodeRoot(target, self, parent, nodeCount === 0 ? 0 : 1);
      encodePointers(target, rootEntriesAt, rootCapacity, nodeCount === 0 ? leaves : top, seed);
    } else if (block < firstLeaf) {
      // To a reader that knows no index, an unused record as long as the block.
      encodeEntries(target, 0, []);
      encodePointers(target, nodeEntriesAt, nodeCapacity, nodes[block - 1] as IndexPointer[], seed);
    } else encodeBlock(target, sorted.slice(starts[block - firstLeaf], starts[block - firstLeaf + 1]), seed);
  });
}

/** To a reader that knows no index, the block holds `.` and a `..` that reaches to the block's end. */
function encodeRoot(target: Uint8Array, self: number, parent: number, indirectLevels: number): void {
  const type = entryTypes.directory;
  const dotBytes = recordBytes(1);
  directoryEntryHeader.encodeInto(target, 0, { inode: self, recordBytes: dotBytes, nameBytes: 1, type });
  target.fill(0x2e, directoryEntryHeader.size, directoryEntryHeader.size + 1);
  encodeEntries(target, dotBytes, [{ name: Uint8Array.of(0x2e, 0x2e), inode: parent, type }]);
  indexRootInfo.encodeInto(target, rootEntriesAt - indexRootInfo.size, {
    hashVersion: hashVersions.halfMd4,
    infoBytes: indexRootInfo.size,
    indirectLevels,
  });
}

function encodePointers(
  target: Uint8Array,
  at: number,
  limit: number,
  pointers: readonly IndexPointer[],
  seed: number | undefined,
): void {
  for (const [index, { hash, block }] of pointers.entries())
    if (index === 0) indexCounts.encodeInto(target, at, { limit, count: pointers.length, block });
    else indexEntry.encodeInto(target, at + index * indexEntry.size, { hash, block });
  if (seed !== undefined) setIndexTail(target, at, seed);
}
