import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { errnoOf, fail } from "../core/errors.ts";

/** A disk image file that QEMU can run. */
export interface DiskImage {
  /** Absolute: QEMU would look for a relative one beside the overlay. */
  readonly path: string;
  readonly format: "raw" | "qcow2";
  /** Of the disk that the guest sees. */
  readonly sizeBytes: number;
}

/**
 * Looks what a file is, by its content. A raw disk is known by its boot signature or its GPT header; a qcow2 by its magic number.
 *
 * Errors: `image/not-found`, `image/not-an-image`.
 */
export function openDiskImage(path: string): DiskImage {
  const { head, fileBytes } = readHead(path);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length >= 72 && view.getUint32(0) === qcowMagic) return qcow2(path, view, fileBytes);
  const bootable = head.length >= 512 && head[510] === 0x55 && head[511] === 0xaa;
  const gpt = head.subarray(512, 520).toString("latin1") === "EFI PART";
  if (!bootable && !gpt)
    fail("image/not-an-image", `cannot use ${path}: it is neither a qcow2 file nor a raw disk with a boot sector`, {
      hint: "give a .qcow2 or .raw file that `cloudimg build` made",
    });
  if (fileBytes % 512 !== 0)
    fail("image/not-an-image", `cannot use ${path}: a raw disk has whole sectors, this file has ${fileBytes} bytes`, {
      hint: "was it copied completely?",
    });
  return { path: resolve(path), format: "raw", sizeBytes: fileBytes };
}

/** "QFI" and 0xfb. */
const qcowMagic = 0x514649fb;

/** QEMU, docs/interop/qcow2.txt, "Header". */
function qcow2(path: string, view: DataView, fileBytes: number): DiskImage {
  const [version, backingNameBytes, clusterBits] = [view.getUint32(4), view.getUint32(16), view.getUint32(20)];
  const [encryption, mapOffset] = [view.getUint32(32), Number(view.getBigUint64(40))];
  const damaged = (reason: string, hint: string): never =>
    fail("image/not-an-image", `cannot use ${path}: ${reason}`, { hint });
  if (version !== 2 && version !== 3) damaged(`its qcow2 version is ${version}`, "versions 2 and 3 exist");
  if (backingNameBytes !== 0)
    damaged("it is only a difference to another image", "convert it: qemu-img convert -O qcow2 IN OUT");
  if (encryption !== 0) damaged("it is encrypted", "convert it: qemu-img convert -O qcow2 IN OUT");
  if (clusterBits < 9 || clusterBits > 21 || mapOffset >= fileBytes)
    damaged("its qcow2 header does not fit the file", "was it copied completely?");
  return { path: resolve(path), format: "qcow2", sizeBytes: Number(view.getBigUint64(24)) };
}

function readHead(path: string): { head: Buffer; fileBytes: number } {
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
    const head = Buffer.alloc(1024);
    return { head: head.subarray(0, readSync(fd, head, 0, head.length, 0)), fileBytes: stat.size };
  } finally {
    closeSync(fd);
  }
}
