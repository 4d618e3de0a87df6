import { type Dirent, globSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { CloudimgError, errnoOf, fail, type Problem, type Where } from "../../core/errors.ts";
import { isGlob } from "../../core/glob.ts";
import { compareNames } from "../../core/names.ts";
import type { Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import { type Accounts, findOwner } from "./accounts.ts";
import { type Owner, type TreeMaker, treeMaker } from "./tree-maker.ts";

type FileEntry = Profile["files"][number];

export interface ProfileFilesRequest {
  readonly files: readonly FileEntry[];
  readonly accounts: Accounts;
  readonly epochSeconds: number;
  /** Where `files[index]` was written. */
  readonly locate: (index: number) => Where | undefined;
}

/**
 * Puts the profile's own files into the tree. Of a source only its content counts, whether its owner may execute it, and for a link its target: nothing else of
 * this host (owners, times) gets into the image.
 *
 * Errors, of all entries: `profile/no-source`, `profile/unknown-owner`, `image/conflict`.
 */
export function addProfileFiles(tree: Tree, request: ProfileFilesRequest): void {
  const problems: Problem[] = [];
  request.files.forEach((entry, index) => {
    try {
      addEntry(tree, entry, index, request);
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      const where = request.locate(index);
      problems.push(...error.problems.map((problem) => ({ ...problem, where: problem.where ?? where })));
    }
  });
  if (problems.length > 0) throw new CloudimgError(problems);
}

function addEntry(tree: Tree, entry: FileEntry, index: number, { accounts, epochSeconds }: ProfileFilesRequest): void {
  const { source, content, target, mode, user, group, replace } = entry;
  const owner = findOwner(accounts, user ?? 0, group ?? 0);
  const origin = `profile files[${index}]`;
  const maker = treeMaker(origin, epochSeconds, tree, { replace });
  if (source === undefined) {
    maker.file(target, content ?? "", { ...owner, mode: mode ?? 0o644 });
    return;
  }
  if (isGlob(source) && stat(source) === undefined) {
    const found = globSync(source).sort(compareNames);
    if (found.length === 0)
      fail("profile/no-source", `cannot add ${source}: nothing matches it`, {
        hint: "a source is relative to the profile that names it",
      });
    for (const path of found) copy(maker, path, posix.join(target, basename(path)), owner, mode);
    return;
  }
  copy(maker, source, target, owner, mode);
}

function copy(maker: TreeMaker, source: string, target: string, owner: Owner, mode: number | undefined): void {
  const stats = stat(source);
  if (stats === undefined)
    fail("profile/no-source", `cannot add ${source}: there is no such file`, {
      hint: "a source is relative to the profile that names it",
    });
  if (stats.isDirectory()) copyDirectory(maker, source, target, owner, mode);
  else copyFile(maker, source, target, owner, mode ?? modeOf(stats));
}

/** With all below it. `mode` is for the files; who may read a file may look into its directory. */
function copyDirectory(maker: TreeMaker, source: string, target: string, owner: Owner, mode: number | undefined): void {
  const directoryMode = mode === undefined ? 0o755 : mode | ((mode & 0o444) >> 2);
  // What is there already, /etc say, keeps its owner and mode.
  if (maker.tree.get(target)?.type !== "directory") maker.directory(target, { ...owner, mode: directoryMode });
  for (const entry of entriesOf(source)) {
    const from = join(source, entry.name);
    const to = posix.join(target, entry.name);
    if (entry.isSymbolicLink()) maker.link(to, readlinkSync(from).replaceAll("\\", "/"), owner);
    else if (entry.isDirectory()) copyDirectory(maker, from, to, owner, mode);
    else copyFile(maker, from, to, owner, mode ?? modeOf(statSync(from)));
  }
}

function copyFile(maker: TreeMaker, source: string, target: string, owner: Owner, mode: number): void {
  const stats = statSync(source);
  if (!stats.isFile())
    fail("profile/no-source", `cannot add ${source}: it is neither a file nor a directory`, {
      hint: "devices, sockets and pipes of this host cannot be put into an image",
    });
  try {
    maker.file(target, readFileSync(source), { ...owner, mode });
  } catch (error) {
    if (error instanceof CloudimgError) throw error;
    fail("profile/no-source", `cannot read ${source}: ${(error as Error).message}`, { cause: error });
  }
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).sort((a, b) => compareNames(a.name, b.name));
  } catch (error) {
    fail("profile/no-source", `cannot read ${directory}: ${(error as Error).message}`, { cause: error });
  }
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    fail("profile/no-source", `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Only the owner's executable bit says something about the content; the rest is this user's umask. */
function modeOf(stats: Stats): number {
  return (stats.mode & 0o100) !== 0 ? 0o755 : 0o644;
}
