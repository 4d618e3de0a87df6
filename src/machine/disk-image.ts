import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { errnoOf, fail } from "../core/errors.ts";
import { type FileEnds, type ImageHeader, readImageHeader } from "./image-headers.ts";

/** A disk image file that QEMU can run. */
export interface DiskImage {
  /** Absolute: QEMU would look for a relative one beside the overlay. */
  readonly path: string;
  /** By QEMU's name. */
  readonly format: ImageHeader["format"];
  /** Of the disk that the guest sees. */
  readonly sizeBytes: number;
}

/**
 * Looks what a file is, by its content.
 *
 * Errors: `image/not-found`, `image/not-an-image`.
 */
export function openDiskImage(path: string): DiskImage {
  const header = readImageHeader(readEnds(path));
  if (header === undefined)
    fail("image/not-an-image", `cannot use ${path}: it is neither a disk image nor a raw disk with a boot sector`, {
      hint: "give a file that `cloudimg build` made, or any qcow2, VHD, VMDK, VDI or raw disk",
    });
  const { format, sizeBytes, problem } = header;
  if (problem !== undefined)
    fail("image/not-an-image", `cannot use ${path}: ${problem.reason}`, { hint: problem.hint });
  return { path: resolve(path), format, sizeBytes };
}

/** Up to where the descriptor of a VMDK or the label of an ISO 9660 may be. */
const headBytes = 68 * 1024;

function readEnds(path: string): FileEnds {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    const reason = errnoOf(error) === "ENOENT" ? "there is no such file" : `it cannot be read (${errnoOf(error)})`;
    fail("image/not-found", `cannot use the image ${path}: ${reason}`, { cause: error });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) fail("image/not-an-image", `cannot use ${path}: it is not a regular file`);
    const read = (bytes: number, offset: number) => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, readSync(fd, buffer, 0, bytes, offset));
    };
    const fileBytes = stat.size;
    return { head: read(headBytes, 0), tail: read(512, Math.max(0, fileBytes - 512)), fileBytes };
  } finally {
    closeSync(fd);
  }
}
