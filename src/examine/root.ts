import type { ReadFileSystem } from "../build/filesystems/filesystem-reader.ts";
import { fail } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { type ExaminedImage, volumesOf } from "./open.ts";
import { type Volume, volumeName } from "./volume.ts";

/** A file system with where it was found. */
export interface OpenVolume {
  readonly volume: Volume;
  readonly fileSystem: ReadFileSystem;
}

/**
 * The file system that the system has as its root: what looks most like one, by os-release(5) and the directories that every Unix has; else the only one there is, or the one on the whole disk.
 *
 * Errors: `image/no-file-system`, and a reader's `image/damaged` and `image/unsupported` if there is nothing else.
 */
export function findRoot(image: ExaminedImage): OpenVolume {
  const readable = volumesOf(image).filter(({ isReadable }) => isReadable);
  const opened = readable.flatMap((volume): (OpenVolume & { score: number })[] => {
    const { fileSystem } = volume.tryOpen();
    return fileSystem === undefined ? [] : [{ volume, fileSystem, score: rootScore(fileSystem.tree) }];
  });
  const best = opened.reduce((a, b) => (b.score > a.score ? b : a), opened[0] ?? noFileSystem(image, readable));
  const [damage] = image.table?.problems ?? [];
  if (best.score === 0 && damage !== undefined)
    fail("image/damaged", `cannot find the root of ${image.path}: ${damage}`, { hint: "was it copied completely?" });
  // A CD is told first, before the partitions that are in it.
  if (best.score > 0 || opened.length === 1 || best.volume.number === undefined) return best;
  const numbers = opened.flatMap(({ volume }) => volume.number ?? []);
  fail("image/no-file-system", `cannot tell which file system of ${image.path} is meant: none of them is a root`, {
    hint: `name the partition: ${numbers.map((number) => `${image.path}:${number}:/`).join(", ")}`,
  });
}

/**
 * The file system of one partition, or that on the whole disk for 0, or the root if none is named.
 *
 * Errors: `image/no-file-system`, and a reader's `image/damaged` and `image/unsupported`.
 */
export function chooseVolume(image: ExaminedImage, number: number | undefined): OpenVolume {
  if (number === undefined) return findRoot(image);
  const partition = number === 0 && image.whole !== undefined ? { volume: image.whole } : undefined;
  const found = partition ?? image.partitions.find((each) => each.number === number);
  if (found === undefined)
    fail("image/no-file-system", `cannot look into partition ${number} of ${image.path}: there is none`, {
      hint: describePartitions(image),
    });
  const { volume } = found;
  const fileSystem = volume?.open();
  if (volume === undefined || fileSystem === undefined)
    fail("image/no-file-system", `cannot look into partition ${number} of ${image.path}: ${whyUnreadable(volume)}`, {
      hint: describePartitions(image),
    });
  return { volume, fileSystem };
}

/** From 0, nothing like a root, to 4. */
export function rootScore(tree: Tree): number {
  const has = (path: string): boolean => tree.resolve(path) !== undefined;
  if (has("/etc/os-release") || has("/usr/lib/os-release")) return 4;
  if (has("/etc") && (has("/usr/bin") || has("/bin"))) return has("/sbin/init") || has("/etc/passwd") ? 3 : 2;
  return has("/init") || has("/sbin/init") || has("/bin/sh") ? 1 : 0;
}

function whyUnreadable(volume: Volume | undefined): string {
  if (volume === undefined) return "it is no place for a file system";
  if (volume.kind === undefined) return "no file system was recognised in it";
  return `it holds ${volume.kind}, which cloudimg does not read`;
}

function noFileSystem(image: ExaminedImage, readable: readonly Volume[]): never {
  const [only] = readable;
  // One that breaks its rules says best what is wrong.
  only?.open();
  fail("image/no-file-system", `cannot look into ${image.path}: it holds no file system that cloudimg reads`, {
    hint: describePartitions(image),
  });
}

function describePartitions(image: ExaminedImage): string {
  const kinds = volumesOf(image).map((volume) => `${volumeName(volume)} holds ${volume.kind ?? "nothing known"}`);
  return kinds.length === 0 ? "it has no partition" : kinds.join(", ");
}
