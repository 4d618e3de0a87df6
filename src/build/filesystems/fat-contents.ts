import { CloudimgError, type Problem } from "../../core/errors.ts";
import type { DirectoryNode, FileNode, Tree } from "../../core/tree.ts";
import { splitPath } from "../../core/tree.ts";
import { largestFileBytes, mostDirectoryEntries } from "./fat-format.ts";
import { foldName, longEntryCount, nameProblems, shortNames } from "./fat-names.ts";

/** A file or directory with its names; where it goes is decided later. */
export interface FatItem {
  readonly path: string;
  readonly name: string;
  readonly node: FileNode | DirectoryNode;
  readonly shortName: Uint8Array;
  readonly isAlias: boolean;
  /** Undefined for files. */
  readonly directory: FatDirectory | undefined;
}

export interface FatDirectory {
  readonly path: string;
  readonly node: DirectoryNode;
  readonly parent: FatDirectory | undefined;
  readonly items: readonly FatItem[];
  /** Long names, label, "." and ".." included. */
  readonly entryCount: number;
}

/** A directory comes before what is in it; names in the order of their bytes. */
export interface FatContents {
  readonly directories: readonly [root: FatDirectory, ...FatDirectory[]];
}

/**
 * What goes into the file system, checked. Owners, modes, links between names and extended attributes are dropped: they are the caller's affair.
 *
 * Errors: `image/unsupported` for each path that FAT cannot hold.
 */
export function readContents(tree: Tree, hasLabel: boolean): FatContents {
  const problems: Problem[] = [];
  const complain = (path: string, reason: string) =>
    problems.push({ code: "image/unsupported", message: `cannot put ${path} into a FAT file system: ${reason}` });
  const root = emptyDirectory("/", tree.get("/") as DirectoryNode, undefined);
  const byPath = new Map([["/", root]]);
  for (const [path, node] of tree.entries()) {
    if (path === "/") continue;
    const { dir, name } = splitPath(path);
    const parent = byPath.get(dir) as BuiltDirectory;
    for (const reason of nameProblems(name)) complain(path, `its name ${reason}`);
    if (node.type === "directory") {
      const directory = emptyDirectory(path, node, parent);
      byPath.set(path, directory);
      parent.pending.push({ path, name, node, directory });
    } else if (node.type === "file") {
      parent.pending.push({ path, name, node, directory: undefined });
      if (node.content.sizeBytes > largestFileBytes) complain(path, "a file must be smaller than 4 GiB");
    } else complain(path, `it is a ${node.type}, and FAT has only files and directories`);
  }
  const directories = [...byPath.values()];
  for (const directory of directories) {
    finish(directory, hasLabel, complain);
    if (directory.entryCount > mostDirectoryEntries)
      complain(
        directory.path,
        `its names take ${directory.entryCount} entries, and ${mostDirectoryEntries} are the limit`,
      );
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new CloudimgError([first, ...rest]);
  return { directories: directories as [BuiltDirectory, ...BuiltDirectory[]] };
}

interface BuiltDirectory extends FatDirectory {
  readonly pending: Omit<FatItem, "shortName" | "isAlias">[];
  items: FatItem[];
  entryCount: number;
}

function emptyDirectory(path: string, node: DirectoryNode, parent: FatDirectory | undefined): BuiltDirectory {
  return { path, node, parent, pending: [], items: [], entryCount: 0 };
}

function finish(directory: BuiltDirectory, hasLabel: boolean, complain: (path: string, reason: string) => void): void {
  const { pending } = directory;
  const byFolded = new Map<string, string>();
  for (const { name, path } of pending) {
    const folded = foldName(name);
    const other = byFolded.get(folded);
    if (other === undefined) byFolded.set(folded, path);
    else complain(path, `its name differs from ${other} only by case`);
  }
  const shorts = shortNames(pending.map(({ name }) => name));
  directory.items = pending.map((item, index) => {
    const { bytes, isAlias } = shorts[index] as (typeof shorts)[number];
    return { ...item, shortName: bytes, isAlias };
  });
  // "." and ".." in all but the root, which may have the label.
  const special = directory.parent === undefined ? Number(hasLabel) : 2;
  directory.entryCount = directory.items.reduce(
    (count, { name, isAlias }) => count + 1 + (isAlias ? longEntryCount(name) : 0),
    special,
  );
}
