import { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { fileSource } from "../../core/byte-source.ts";
import { CloudimgError, errnoOf, fail } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import type { ImageFile, ImageReader, OpenOther, ReadImage } from "./image-reader.ts";
import { imageReaders } from "./readers.ts";
import { unreadFormats } from "./unread-formats.ts";

export interface OpenedImage extends ReadImage {
  readonly path: string;
  /** Of the image's own file. */
  readonly fileBytes: number;
}

/** QEMU allows more, but nobody means it. */
const deepestChain = 64;

/**
 * Opens an image file of any format, which its content tells and never its name, with the files it is based on. The caller closes it.
 *
 * @param options.format what it must be, as the registry names it: `raw` takes anything
 *
 * Errors: `image/not-found`, `image/not-an-image`, and a reader's `image/damaged` and `image/unsupported`.
 */
export function openImage(path: string, options: { readonly format?: string | undefined } = {}): OpenedImage {
  return openInChain(path, options.format, []);
}

/** What QEMU calls a format, where it is not our name. */
const namesOfQemu: Readonly<Record<string, string>> = { vpc: "vhd" };

/** `chain`: files that lead here, by device and inode. */
function openInChain(path: string, format: string | undefined, chain: readonly string[]): OpenedImage {
  const { fd, stat } = openFile(path);
  const opened: ReadImage[] = [];
  const close = () => {
    for (const other of opened.splice(0)) other.close();
  };
  try {
    const identity = `${stat.dev}:${stat.ino}`;
    if (chain.includes(identity)) fail("image/damaged", `cannot use ${path}: it is based on itself`);
    if (chain.length >= deepestChain)
      fail("image/unsupported", `cannot use ${path}: more than ${deepestChain} files are based on one another`);
    const openOther: OpenOther = (name, otherFormat) => {
      const other = openInChain(pathOfOther(path, name), otherFormat, [...chain, identity]);
      opened.push(other);
      return other;
    };
    // A file that takes no space is one hole. Where else holes are, Node cannot ask: they read as zeros.
    const extents = stat.blocks === 0 && process.platform !== "win32" ? [] : undefined;
    const file = { path, source: fileSource(fd, 0, stat.size, extents) };
    const image = chooseReader(file, format).read(file, openOther);
    return {
      ...image,
      path,
      fileBytes: stat.size,
      problems: [...nameProblems(path, image.format), ...image.problems],
      close() {
        image.close();
        close();
        closeSync(fd);
      },
    };
  } catch (error) {
    close();
    closeSync(fd);
    throw error;
  }
}

function openFile(path: string): { fd: number; stat: Stats } {
  let fd: number | undefined;
  try {
    // Bytes that are not UTF-8 are in a name as lone surrogates, see names.ts.
    fd = openSync(path.isWellFormed() ? path : Buffer.from(encodeName(path)), "r");
    const stat = fstatSync(fd);
    if (stat.isDirectory())
      fail("image/not-an-image", `cannot use ${path}: it is a directory`, { hint: "name an image file" });
    if (!stat.isFile()) fail("image/not-an-image", `cannot use ${path}: it is not a regular file`);
    if (stat.size === 0) fail("image/not-an-image", `cannot use ${path}: it is empty`);
    return { fd, stat };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof CloudimgError) throw error;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      ENOTDIR: "there is no such file",
      EACCES: "you may not read it",
      EPERM: "you may not read it",
    };
    const reason = reasons[errno] ?? `it cannot be read (${errno})`;
    fail("image/not-found", `cannot use the image ${path}: ${reason}`, { cause: error });
  }
}

function chooseReader(file: ImageFile, format: string | undefined): ImageReader {
  const { path } = file;
  if (format === undefined) {
    const reader = imageReaders.find((each) => each.detect(file)) as ImageReader;
    const expected = formatOfName(path);
    if (reader.name === "raw" && expected !== undefined && expected !== "raw")
      fail("image/not-an-image", `cannot use ${path}: it is not a ${expected} file`, {
        hint: "was it copied completely? A raw disk under a wrong name is read with the format `raw`",
      });
    return reader;
  }
  const name = namesOfQemu[format] ?? format;
  const reader = imageReaders.find((each) => each.name === name);
  if (reader === undefined)
    fail("image/unsupported", `cannot use ${path}: the format "${format}" is not known`, {
      hint: `known formats: ${imageReaders
        .filter((each) => !unreadFormats.includes(each))
        .map((each) => each.name)
        .join(", ")}`,
    });
  if (!reader.detect(file)) fail("image/not-an-image", `cannot use ${path}: it is not a ${name} file`);
  return reader;
}

function nameProblems(path: string, format: string): readonly string[] {
  const expected = formatOfName(path);
  if (expected === undefined || expected === format) return [];
  return [`its name says ${expected}, but it is ${format}`];
}

/** The format whose extension a file name has. */
function formatOfName(path: string): string | undefined {
  const extension = extname(path).slice(1).toLowerCase();
  return imageReaders.find(({ name }) => name === extension)?.name;
}

/** As an image names another file: relative to its own directory, or with QEMU's `file:` before it. */
function pathOfOther(path: string, name: string): string {
  const plain = name.startsWith("file:") ? name.slice("file:".length) : name;
  // QEMU takes what comes before a colon for a protocol: json:{…}, nbd://host/export.
  if (/^[A-Za-z][A-Za-z0-9+.-]+:/.test(plain))
    fail("image/unsupported", `cannot use ${path}: it is based on ${JSON.stringify(plain)}, which is no file`, {
      hint: "convert it with qemu-img where that can be reached",
    });
  if (plain === "" || plain.includes("\0"))
    fail("image/damaged", `cannot use ${path}: the name of the file that it is based on is broken`);
  return resolve(dirname(path), plain);
}
