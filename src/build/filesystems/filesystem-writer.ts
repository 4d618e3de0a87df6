import type { ByteSource, Extent } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import type { Tree } from "../../core/tree.ts";

export interface FileSystemRequest {
  readonly tree: Tree;
  /** Exact size of the file system, or the free space to add to the smallest one that holds the tree. */
  readonly size: { readonly exactBytes: number } | { readonly freeBytes: number };
  readonly label: string;
  /** Lower-case UUID with dashes. Formats with shorter serials use its first bytes. */
  readonly uuid: string;
  /** Seed for further ids (hash seeds); see core/seed.ts. */
  readonly seed: string;
  /** All of the file system's own times, in seconds since 1970. */
  readonly epochSeconds: number;
  /** Where on the disk its partition begins; FAT writes that down. Default: 0, a disk without partitions. */
  readonly startBytes?: number | undefined;
}

export interface FileSystemPlan {
  /** The whole file system, ready to be read; its size is the partition's content size. */
  readonly source: ByteSource;
  readonly freeBytes: number;
  /** What was decided, for `cloudimg plan`: "4 KiB blocks", "journal 16 MiB". */
  readonly notes: readonly string[];
  /** Each feature flag with what it is for and whom it keeps out or lets in, for `cloudimg plan --explain`. */
  readonly features?: readonly { readonly name: string; readonly reason: string }[];
  /** Where a file's content lies in `source`, for boot loaders that know only sectors; undefined if there is no such file. */
  readonly locate?: (path: string) => readonly Extent[] | undefined;
  /** Where in `source` its first sector is kept once more: boot code goes there too, or the two would differ. Default: nowhere. */
  readonly bootSectorCopies?: readonly number[] | undefined;
}

/**
 * Seam: a Tree becomes the bytes of a file system. Planning computes where everything goes and reads no file content, unless the format compresses; what the
 * format cannot hold is an `image/unsupported` error that names the path, too little room an `image/disk-too-small` error that says how much is needed.
 */
export interface FileSystemWriter {
  readonly name: string;
  plan(request: FileSystemRequest, context: Pick<Context, "signal" | "jobs">): FileSystemPlan | Promise<FileSystemPlan>;
}
