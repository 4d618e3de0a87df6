import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Context } from "../../core/context.ts";
import { CloudimgError, errnoOf, fail, type Problem, type Where } from "../../core/errors.ts";
import { limiter } from "../../core/parallel.ts";
import { Tree } from "../../core/tree.ts";
import { treeOfEntries } from "./deb.ts";
import { compressionOf, decompress } from "./decompress.ts";
import { readTar } from "./tar.ts";
import { unpackedTree } from "./unpacked.ts";

/** A tar archive that a profile names. */
export interface ArchiveFile {
  /** Absolute. */
  readonly source: string;
  /** How many leading directories of its names are taken off; what has no more than these is left out. */
  readonly strip: number;
}

/**
 * What is in each tar archive. Nothing in it can lead out of its tree: `..` is refused, and links are not followed.
 *
 * @param locate where the archive of an index is named
 *
 * Errors, of all archives: `profile/no-source`, `profile/bad-archive`.
 */
export async function openArchives(
  archives: readonly ArchiveFile[],
  locate: (index: number) => Where | undefined,
  context: Context,
): Promise<Tree[]> {
  const problems: Problem[] = [];
  const trees: Tree[] = [];
  for (const [index, archive] of archives.entries()) {
    try {
      trees.push(await openArchive(archive, `profile archives[${index}]`, context));
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      const where = locate(index);
      problems.push(...error.problems.map((problem) => ({ ...problem, where })));
    }
  }
  if (problems.length > 0) throw new CloudimgError(problems);
  return trees;
}

async function openArchive({ source, strip }: ArchiveFile, origin: string, context: Context): Promise<Tree> {
  const bytes = await readHostFile(source, context.signal);
  try {
    const tree = await unpackedTree({ kind: "tar", sha256: hash("sha256", bytes), origin }, context, async () => {
      const tar = await decompress(bytes, compressionOf(source) ?? "none", limiter(context.jobs));
      return treeOfEntries(readTar(tar, origin));
    });
    return stripped(tree, strip, origin);
  } catch (error) {
    context.signal.throwIfAborted();
    // What holds of its paths (a file in a link's place) is told by the tree itself.
    if (!(error instanceof Error)) throw error;
    fail("profile/bad-archive", `cannot unpack ${source}: ${error.message}`, {
      hint: "make it anew, or look at it with tar -tvf",
      cause: error,
    });
  }
}

/** A file that a profile names. Errors: `profile/no-source`. */
async function readHostFile(path: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readFile(path, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const errno = errnoOf(error);
    const reasons: Record<string, string> = {
      ENOENT: "there is no such file",
      EISDIR: "it is a directory",
      EACCES: "you may not read it",
      ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB",
    };
    fail("profile/no-source", `cannot add ${path}: ${reasons[errno ?? ""] ?? (error as Error).message}`, {
      hint: "a source is relative to the profile that names it",
      cause: error,
    });
  }
}

function stripped(tree: Tree, count: number, origin: string): Tree {
  if (count === 0) return tree;
  const rest = new Tree({ origin });
  for (const [path, node] of tree.entries()) {
    if (path === "/") continue;
    const names = path.split("/").slice(1 + count);
    if (names.length > 0) rest.set(`/${names.join("/")}`, node);
    // The directory that is taken off becomes the target.
    else if (node.type === "directory" && path.split("/").length === 1 + count) rest.set("/", node);
  }
  return rest;
}
