import type { Extent } from "../../core/byte-source.ts";

/** How a format is written, where it has a choice. */
export interface FormatOptions {
  /** qcow2: the oldest QEMU that reads it. `0.10` is version 2, for importers that know no other; default `1.1`, version 3. */
  readonly compat?: "0.10" | "1.1" | undefined;
  /** qcow2: how clusters are compressed. `zstd` needs compat 1.1 and QEMU 5.1; default `zlib`, which everybody reads. */
  readonly compression?: "zlib" | "zstd" | undefined;
}

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
  readonly options?: FormatOptions | undefined;
  /** Where compressed clusters are kept from one build of this image to the next, see cluster-cache.ts. */
  readonly clusterCache?: string | undefined;
  /** The second file of a format that has one, open and empty, and its name beside the first. */
  readonly companion?: { readonly name: string; readonly fd: number };
}

/** What is known of a disk only after all of it was seen. */
export interface DiskIdentity {
  /** Of the raw disk. Ids that a format needs derive from it: equal disks make equal files, different disks never share an id. */
  readonly rawSha256: string;
}

/** Takes a disk's contents in order and writes the image file. */
export interface ImageSink {
  /** What the windows must be aligned to. */
  readonly windowBytes: number;
  /** It keeps threads of its own busy: more of them would only take turns. */
  readonly hasThreads?: boolean;
  /**
   * The next part of the disk that holds data. Calls come in ascending order and do not wait for each other; the promise says when the bytes
   * are not needed any more. Parts start at multiples of `windowBytes` and are whole numbers of it long, but for the disk's end.
   */
  write(bytes: Uint8Array, offsetBytes: number): Promise<void> | void;
  /** After the last part was taken: what remains to be written. */
  finish(identity: DiskIdentity): Promise<void> | void;
  /** Always called last, whether or not all went well: ends what the sink has running. Writes nothing. */
  close(): void;
}

/** Seam: a disk becomes an image file. One pass over the disk feeds all formats that were asked for; see emit.ts. */
export interface DiskFormat {
  readonly name: string;
  /** File name extension with its dot. */
  readonly extension: string;
  /** For a format of two files: what the second one's name has in place of the extension, `-flat.vmdk`. */
  readonly companionSuffix?: string;
  /** What is asked for cannot be held by the format: `image/unsupported`. Writes nothing yet. */
  open(request: WriteRequest): ImageSink;
}
