import { type Dirent, openSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { type ByteSource, bytesSource, fileSource } from "../../core/byte-source.ts";
import { CloudimgError, errnoOf, fail } from "../../core/errors.ts";
import { isGlob } from "../../core/glob.ts";
import { matchesOnHost } from "../../core/host-glob.ts";
import { compareNames } from "../../core/names.ts";
import type { Owner, TreeMaker } from "./tree-maker.ts";

/** Owner and mode of all that is copied. */
interface CopyAttributes {
  readonly owner: Owner;
  /** For files; who may read a file may look into its directory. Default: 0755 if its owner may execute it, else 0644. */
  readonly mode?: number | undefined;
}

const sourceHint = "a source is relative to the profile that names it";
/** Larger files are read when the image is written. */
const inMemoryBytes = 4 * 1024 * 1024;

/**
 * Puts a file, a directory with all below it, or what a glob matches into the tree. Of a source only its content counts, whether its owner may execute it, and for a link
 * its target: nothing else of this host (owners, times) gets into the image.
 *
 * Errors: `profile/no-source`, `image/conflict`.
 */
export function copySource(maker: TreeMaker, source: string, target: string, attributes: CopyAttributes): void {
  const stats = statIfThere(source);
  if (stats !== undefined || !isGlob(source)) {
    copy(maker, source, stats, target, attributes);
    return;
  }
  for (const path of matchesOnHost(source))
    copy(maker, path, statIfThere(path), posix.join(target, basename(path)), attributes);
}

/** The content of a file of this host. Errors: `profile/no-source`. */
export function readSource(path: string): ByteSource {
  const stats = statIfThere(path);
  if (stats === undefined) missing(path);
  if (!stats.isFile())
    fail("profile/no-source", `cannot add ${path}: it is neither a file nor a directory`, {
      hint: "devices, sockets and pipes of this host cannot be put into an image",
    });
  try {
    return stats.size > inMemoryBytes ? fileSource(openSync(path, "r")) : bytesSource(readFileSync(path));
  } catch (error) {
    return unreadable(path, error);
  }
}

function copy(
  maker: TreeMaker,
  source: string,
  stats: Stats | undefined,
  target: string,
  attributes: CopyAttributes,
): void {
  if (stats === undefined) missing(source);
  if (stats.isDirectory()) copyDirectory(maker, source, target, attributes);
  else copyFile(maker, source, stats, target, attributes);
}

function copyDirectory(maker: TreeMaker, source: string, target: string, attributes: CopyAttributes): void {
  const { owner, mode } = attributes;
  const directoryMode = mode === undefined ? 0o755 : mode | ((mode & 0o444) >> 2);
  // What is there already, /etc say, keeps its owner and mode.
  if (maker.tree.get(target)?.type !== "directory") maker.directory(target, { ...owner, mode: directoryMode });
  for (const entry of entriesOf(source)) {
    const from = join(source, entry.name);
    const to = posix.join(target, entry.name);
    if (entry.isSymbolicLink()) maker.link(to, readlinkSync(from).replaceAll("\\", "/"), owner);
    else if (entry.isDirectory()) copyDirectory(maker, from, to, attributes);
    else copyFile(maker, from, statSync(from), to, attributes);
  }
}

function copyFile(maker: TreeMaker, source: string, stats: Stats, target: string, attributes: CopyAttributes): void {
  const { owner, mode } = attributes;
  maker.file(target, readSource(source), { ...owner, mode: mode ?? modeOf(stats) });
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => compareNames(a.name, b.name));
  } catch (error) {
    return unreadable(directory, error);
  }
}

/** Undefined if there is nothing at the path. Errors: `profile/no-source`. */
export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    return unreadable(path, error);
  }
}

function missing(path: string): never {
  fail("profile/no-source", `cannot add ${path}: there is no such file`, { hint: sourceHint });
}

function unreadable(path: string, error: unknown): never {
  if (error instanceof CloudimgError || errnoOf(error) === undefined) throw error;
  fail("profile/no-source", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
}

/** Only the owner's executable bit says something about the content; the rest is this user's umask. */
function modeOf(stats: Stats): number {
  return (stats.mode & 0o100) !== 0 ? 0o755 : 0o644;
}
