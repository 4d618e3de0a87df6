/** Blocks of a file that lie together on disk as in the file. */
export interface MappedExtent {
  readonly logicalBlock: number;
  readonly physicalBlock: number;
  readonly blocks: number;
}

/** Where a file's blocks are. */
export interface Mapping {
  readonly extents: readonly MappedExtent[];
  /** Blocks that hold the map, when the inode itself has no room for it. */
  readonly treeBlocks: readonly number[];
  /** A tree of extents, else ext2's blocks of block numbers. */
  readonly asExtents: boolean;
}

export function countMapped(mapping: Mapping): number {
  return mapping.extents.reduce((sum, extent) => sum + extent.blocks, mapping.treeBlocks.length);
}
