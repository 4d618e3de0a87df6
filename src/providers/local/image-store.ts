import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileSource } from "../../core/byte-source.ts";
import type { Context } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import { makeDirectory } from "../../core/make-directory.ts";
import { emitSource, writeOutput } from "../../core/output.ts";
import { processIdentity } from "../../core/process-identity.ts";
import { type DiskImage, openDiskImage } from "../../machine/disk-image.ts";
import type { BuiltImage, CloudImage } from "../provider.ts";

type StoreContext = Pick<Context, "directories" | "signal">;

/** What is written down beside a stored disk. */
interface StoredImage extends CloudImage {
  readonly format: DiskImage["format"];
}

/**
 * The local image store: one directory for each image, `ID/image.json` and `ID/disk.FORMAT`, never changed once it has its name. The id derives from
 * the disk's identity and the format.
 */
export function imageStoreDirectory(context: Pick<Context, "directories">): string {
  return join(context.directories.data, "images");
}

/** QEMU's name of each format that is one file. */
const qemuFormats: Readonly<Record<string, DiskImage["format"]>> = {
  ...{ raw: "raw", qcow2: "qcow2", vhd: "vpc", "vhd-fixed": "vpc", vmdk: "vmdk", vdi: "vdi" },
};

/**
 * Copies an image file into the store: as a clone that shares its blocks where the file system can, else with zeros as holes. Two runs may do so at once.
 *
 * Errors: `image/not-found`, `image/not-an-image`, `host/no-space`, `host/not-writable`.
 */
export async function storeImage(
  built: BuiltImage,
  context: StoreContext,
  progress?: (doneBytes: number, totalBytes: number) => void,
): Promise<CloudImage & { readonly existed: boolean }> {
  const disk = openDiskImage(built.path);
  const expected = qemuFormats[built.format];
  if (expected === undefined)
    fail("image/unsupported", `cannot import ${built.path}: ${built.format} is not one file`, {
      hint: "write raw, qcow2, vhd, vmdk or vdi too: output.formats",
    });
  if (disk.format !== expected)
    fail("image/not-an-image", `cannot import ${built.path}: it should be ${built.format}, but is ${disk.format}`);
  const store = imageStoreDirectory(context);
  const id = `${built.identity.slice(0, 16)}-${disk.format}`;
  const existing = readStored(join(store, id));
  if (existing !== undefined) return { ...existing, existed: true };

  const fresh = join(store, `.new-${process.pid}-${randomBytes(4).toString("hex")}`);
  const createdAt = new Date().toISOString();
  const { name, identity } = built;
  const stored: StoredImage = { id, name, identity, sizeBytes: disk.sizeBytes, createdAt, format: disk.format };
  makeRoom(store, fresh);
  try {
    await copyDisk(built.path, join(fresh, `disk.${disk.format}`), context, progress);
    writeFileSync(join(fresh, "image.json"), `${JSON.stringify(stored, undefined, 2)}\n`);
    renameSync(fresh, join(store, id));
  } catch (error) {
    const other = readStored(join(store, id));
    if (other === undefined) throw error;
    return { ...other, existed: true };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return { ...stored, existed: false };
}

/** Every stored image, oldest first. */
export function storedImages(context: Pick<Context, "directories">): CloudImage[] {
  return namesIn(imageStoreDirectory(context))
    .flatMap((name) => readStored(join(imageStoreDirectory(context), name)) ?? [])
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** The disk of a stored image. Errors: `cloud/no-image`, `image/not-an-image`. */
export function storedDisk(id: string, context: Pick<Context, "directories">): DiskImage {
  const directory = join(imageStoreDirectory(context), id);
  const stored = readStored(directory) ?? noImage(id, context);
  return openDiskImage(join(directory, `disk.${stored.format}`));
}

/** Errors: `cloud/no-image`. */
export function removeStoredImage(id: string, context: Pick<Context, "directories">): void {
  const directory = join(imageStoreDirectory(context), id);
  if (readStored(directory) === undefined) noImage(id, context);
  rmSync(directory, { recursive: true, force: true });
}

function noImage(id: string, context: Pick<Context, "directories">): never {
  const ids = storedImages(context).map((image) => image.id);
  fail("cloud/no-image", `cannot find the image ${id} in the local store`, {
    hint: ids.length === 0 ? "the store is empty" : `it has: ${ids.join(", ")}`,
  });
}

async function copyDisk(
  from: string,
  to: string,
  { signal }: StoreContext,
  progress?: (doneBytes: number, totalBytes: number) => void,
): Promise<void> {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return;
  } catch {
    // Another file system, or one that cannot share blocks.
    rmSync(to, { force: true });
  }
  const fd = openSync(from, "r");
  try {
    const options = progress === undefined ? { signal } : { signal, progress };
    await writeOutput(to, { signal }, (target) => emitSource(fileSource(fd), target, options), { durable: true });
  } finally {
    closeSync(fd);
  }
}

/** Makes the store and a new directory in it, and removes what killed runs have left there. */
function makeRoom(store: string, fresh: string): void {
  makeDirectory(fresh, { hint: "name another directory with CLOUDIMG_DATA" });
  for (const name of namesIn(store)) {
    const pid = /^\.new-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && processIdentity(Number(pid)) === undefined)
      rmSync(join(store, name), { recursive: true, force: true });
  }
}

function readStored(directory: string): StoredImage | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, "image.json"), "utf8"));
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
