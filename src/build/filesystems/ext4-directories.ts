import type { ByteSource } from "../../core/byte-source.ts";
import { unitsSource } from "./ext4-body.ts";
import { type DirectoryEntry, encodeBlock, packEntries } from "./ext4-directory-blocks.ts";
import type { DirectoryHash } from "./ext4-directory-hash.ts";
import { planIndexedDirectory } from "./ext4-directory-index.ts";
import { blockSizeBytes, entryTypes } from "./ext4-format.ts";

export interface PlannedDirectory {
  readonly content: ByteSource;
  /** Whether the inode needs the flag that says so. */
  readonly indexed: boolean;
}

/** How directories of a file system are written. */
export interface DirectoryRules {
  /** Undefined: no index, whatever the size. */
  readonly hash: DirectoryHash | undefined;
  /** What the directory's checksums begin with; undefined if there are none. */
  readonly seed: number | undefined;
}

/**
 * Plans a directory's blocks. What fits one block is a plain list, as the kernel itself does it; more becomes an index by hash, without which
 * looking up a name in a large directory is slow.
 */
export function planDirectory(
  self: number,
  parent: number,
  entries: readonly DirectoryEntry[],
  rules: DirectoryRules,
  leastBlocks = 1,
): PlannedDirectory {
  const dots: DirectoryEntry[] = [
    { name: Uint8Array.of(0x2e), inode: self, type: entryTypes.directory },
    { name: Uint8Array.of(0x2e, 0x2e), inode: parent, type: entryTypes.directory },
  ];
  const all = [...dots, ...entries];
  const { hash, seed } = rules;
  const starts = packEntries(all, seed !== undefined);
  if (starts.length > 1 && hash !== undefined) {
    const indexed = planIndexedDirectory(self, parent, entries, hash, seed);
    if (indexed !== undefined) return { content: indexed, indexed: true };
  }
  const blocks = Math.max(starts.length, leastBlocks);
  const content = unitsSource(blocks, blockSizeBytes, (target, block) =>
    encodeBlock(target, all.slice(starts[block] ?? all.length, starts[block + 1]), seed),
  );
  return { content, indexed: false };
}
