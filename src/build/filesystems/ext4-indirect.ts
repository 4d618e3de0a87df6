import { addressesPerBlock, blockSizeBytes, inlineBlockBytes } from "./ext4-format.ts";
import type { MappedExtent, Mapping } from "./ext4-mapping.ts";

/** ext2's map: in the inode twelve block numbers, then one block of numbers, one of such blocks, one of those. */
const directBlocks = 12;
const levels = [1, 2, 3] as const;
/** Blocks of the file that one block of the map at a level reaches; the first of those that the inode's pointer of this level does. */
const reach = levels.map((level) => addressesPerBlock ** level);
const starts = levels.map((level) => directBlocks + reach.slice(0, level - 1).reduce((sum, blocks) => sum + blocks, 0));

/** A block of the map, found by its level and the first block of the file that it reaches. */
function keyOf(level: number, logicalBlock: number): { key: string; first: number } | undefined {
  // Which of the inode's three pointers leads there.
  const top = logicalBlock >= (starts[2] as number) ? 3 : logicalBlock >= (starts[1] as number) ? 2 : 1;
  if (logicalBlock < directBlocks || level > top) return undefined;
  const start = starts[top - 1] as number;
  const size = reach[level - 1] as number;
  const first = start + Math.floor((logicalBlock - start) / size) * size;
  return { key: `${level} ${first}`, first };
}

interface MapBlock {
  readonly level: number;
  readonly first: number;
}

/** All blocks of the map, each before those that it refers to. */
function mapBlocks(extents: readonly MappedExtent[]): Map<string, MapBlock & { readonly index: number }> {
  const found = new Map<string, MapBlock & { readonly index: number }>();
  for (const { logicalBlock, blocks } of extents)
    for (let at = logicalBlock; at < logicalBlock + blocks; ) {
      for (const level of [3, 2, 1]) {
        const place = keyOf(level, at);
        if (place !== undefined && !found.has(place.key))
          found.set(place.key, { level, first: place.first, index: found.size });
      }
      const leaf = keyOf(1, at);
      at = leaf === undefined ? directBlocks : leaf.first + addressesPerBlock;
    }
  return found;
}

/** How many blocks the map takes beside the inode. */
export function countIndirectBlocks(extents: readonly MappedExtent[]): number {
  return mapBlocks(extents).size;
}

/** `i_block`. */
export function encodeIndirectRoot({ extents, treeBlocks }: Mapping): Uint8Array {
  const root = new DataView(new ArrayBuffer(inlineBlockBytes));
  for (const { logicalBlock, physicalBlock, blocks } of extents)
    for (let index = 0; index < blocks && logicalBlock + index < directBlocks; index++)
      root.setUint32((logicalBlock + index) * 4, physicalBlock + index, true);
  const blocksOfMap = mapBlocks(extents);
  for (const level of levels) {
    const top = blocksOfMap.get(`${level} ${starts[level - 1]}`);
    if (top !== undefined) root.setUint32((directBlocks + level - 1) * 4, treeBlocks[top.index] as number, true);
  }
  return new Uint8Array(root.buffer);
}

/** The blocks of the map, in the order of `treeBlocks`. */
export function encodeIndirectBlocks({ extents, treeBlocks }: Mapping): Uint8Array[] {
  const blocksOfMap = mapBlocks(extents);
  const views = Array.from(blocksOfMap, () => new DataView(new ArrayBuffer(blockSizeBytes)));
  for (const { logicalBlock, physicalBlock, blocks } of extents)
    for (let at = Math.max(logicalBlock, directBlocks); at < logicalBlock + blocks; at++) {
      const place = keyOf(1, at);
      const leaf = place && blocksOfMap.get(place.key);
      if (leaf !== undefined)
        views[leaf.index]?.setUint32((at - leaf.first) * 4, physicalBlock + (at - logicalBlock), true);
    }
  for (const { level, first, index } of blocksOfMap.values()) {
    const parentPlace = keyOf(level + 1, first);
    const parent = parentPlace && blocksOfMap.get(parentPlace.key);
    if (parent !== undefined)
      views[parent.index]?.setUint32(
        ((first - parent.first) / (reach[level - 1] as number)) * 4,
        treeBlocks[index] as number,
        true,
      );
  }
  return views.map((view) => new Uint8Array(view.buffer));
}
