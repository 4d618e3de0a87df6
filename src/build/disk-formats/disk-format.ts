import type { Extent } from "../../core/byte-source.ts";

export interface WriteRequest {
  /** Size of the disk as the guest sees it. */
  readonly diskSizeBytes: number;
  /** The ranges of the disk that may hold data, ascending; all else is zero. */
  readonly extents: readonly Extent[];
  /** An open, empty file. */
  readonly fd: number;
  readonly compress: boolean;
  readonly clusterSizeBytes: number;
  /** How many clusters may be compressed at once; the bytes do not depend on it. */
  readonly jobs: number;
}

/** Takes a disk's contents in order and writes the image file. */
export interface ImageSink {
  /** What the windows must be aligned to. */
  readonly windowBytes: number;
  /**
   * The next part of the disk that holds data. Calls come in ascending order and do not wait for each other; the promise says when the bytes
   * are not needed any more. Parts start at multiples of `windowBytes` and are whole numbers of it long, but for the disk's end.
   */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void> | void;
  /** After the last part was taken: what remains to be written. */
  finish(): Promise<void> | void;
  /** Always called last, whether or not all went well: ends what the sink has running. Writes nothing. */
  close(): void;
}

/** Seam: a disk becomes an image file. One pass over the disk feeds all formats that were asked for; see emit.ts. */
export interface DiskFormat {
  readonly name: string;
  /** File name extension with its dot. */
  readonly extension: string;
  /** What is asked for cannot be held by the format: `image/unsupported`. Writes nothing yet. */
  open(request: WriteRequest): ImageSink;
}
