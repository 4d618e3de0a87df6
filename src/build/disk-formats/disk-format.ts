import type { ByteSource } from "../../core/byte-source.ts";

export interface WriteRequest {
  readonly source: ByteSource;
  /** An open, empty file. The format writes it from start to end of its own layout, with holes where the format allows. */
  readonly fd: number;
  readonly compress: boolean;
  readonly clusterSizeBytes: number;
  /** How many clusters may be compressed at once; the bytes do not depend on it. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Bytes of the source that are done; the total is `planned.sourceBytes`. */
  readonly progress: (doneBytes: number, totalBytes: number) => void;
}

/** Seam: a disk becomes an image file. One pass, holes are never read or written. */
export interface DiskFormat {
  readonly name: string;
  /** File name extension with its dot. */
  readonly extension: string;
  write(request: WriteRequest): Promise<void>;
}
