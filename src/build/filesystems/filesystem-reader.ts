import type { ByteSource } from "../../core/byte-source.ts";
import type { Tree } from "../../core/tree.ts";

/** A file system that somebody made, and what can be told of it. */
export interface ReadFileSystem {
  /** What people call it: `ext4`, `ext2`, `fat32`, `squashfs`, `iso9660`. */
  readonly type: string;
  readonly label: string;
  /** As blkid(8) prints it, or empty: `0a1b2c3d-…`, FAT's `1234-ABCD`. */
  readonly uuid: string;
  /** What the file system itself claims; may be less than its partition has. */
  readonly sizeBytes: number;
  /** Undefined for formats that have no free space. */
  readonly freeBytes: number | undefined;
  /** Feature flags by the names that its own tools use, sorted. */
  readonly features: readonly string[];
  /** What else is worth telling, in the order of telling: `["block size", "4 KiB"]`. */
  readonly details: readonly (readonly [name: string, value: string])[];
  /** What is wrong with it but did not keep it from being read: `its journal has not been replayed`. */
  readonly problems: readonly string[];
  /**
   * Everything in it. Contents are read from the image when they are asked for; an unreadable one throws `image/damaged` then. One node at several
   * paths is a file with several links. `origin` is the type's name.
   */
  readonly tree: Tree;
}

/**
 * Seam: the bytes of a file system become a Tree. Readers believe nothing: every offset, count and length is checked before use, loops are found, and memory stays in proportion
 * to what is really there. What cannot be read is `image/damaged`, what is sound but not understood (encryption, a compressor we lack) `image/unsupported`.
 */
export interface FileSystemReader {
  readonly name: string;
  /** Whether these bytes are of this kind, by magic numbers alone. Never throws. */
  detect(source: ByteSource): boolean;
  /** Reads all but the contents. Called only if `detect` said yes. */
  read(source: ByteSource): ReadFileSystem;
}
