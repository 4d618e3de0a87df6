import type { ByteSource } from "../../core/byte-source.ts";

/** An open file that may be a disk image. */
export interface ImageFile {
  /** For messages, and for files named relative to it. */
  readonly path: string;
  readonly source: ByteSource;
}

/** An image file of any format, opened. */
export interface ReadImage {
  /** As in the registry of formats: `qcow2`. */
  readonly format: string;
  /** The disk as the guest sees it, with its holes. A block that cannot be read throws `image/damaged`. */
  readonly disk: ByteSource;
  /** What is worth telling, in the order of telling: `["cluster size", "64 KiB"]`. */
  readonly details: readonly (readonly [name: string, value: string])[];
  /** What is wrong but did not keep it from being read. */
  readonly problems: readonly string[];
  /** Files that it reads besides its own: backing files, extents. */
  readonly otherFiles: readonly string[];
  /** Closes the other files. The caller closes the one it gave. */
  close(): void;
}

/** Opens a further file that an image names, relative to the directory of the image; `format` as the image names it, else detected. */
export type OpenOther = (name: string, format?: string) => ReadImage & { readonly path: string };

/**
 * Seam: an image file becomes the disk in it. Readers believe nothing: every offset and count is checked, and memory stays in proportion to the file. What is broken is
 * `image/damaged`; what is sound but cannot be represented (encryption, an external data file we do not follow) `image/unsupported`.
 */
export interface ImageReader {
  readonly name: string;
  /** Whether the file is of this format, by magic numbers alone. Never throws. */
  detect(file: ImageFile): boolean;
  read(file: ImageFile, openOther: OpenOther): ReadImage;
}
