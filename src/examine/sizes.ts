import type { Node, Tree } from "../core/tree.ts";

/** A directory with what is in it and below it. */
export interface DirectorySize {
  readonly name: string;
  /** Bytes that hold data, of files that are here or below; of a file with several names, at the first one. */
  sizeBytes: number;
  files: number;
  readonly directories: DirectorySize[];
  /** Files of this directory itself, the largest first. */
  readonly ownFiles: { readonly name: string; readonly sizeBytes: number }[];
}

/** How much of a file's content is data: holes take no room. */
export function dataBytesOf(node: Node): number {
  return node.type === "file" ? node.content.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0) : 0;
}

/** Sizes by directory, largest first. */
export function measureTree(tree: Tree): DirectorySize {
  const root = directory("/");
  const open: DirectorySize[] = [root];
  const seen = new Set<Node>();
  for (const [path, node] of tree.entries()) {
    if (path === "/") continue;
    const parts = path.split("/");
    const depth = parts.length - 1;
    const name = parts[depth] as string;
    open.length = depth;
    const parent = open[depth - 1] as DirectorySize;
    if (node.type === "directory") {
      const made = directory(name);
      parent.directories.push(made);
      open.push(made);
    } else if (!seen.has(node)) {
      seen.add(node);
      const sizeBytes = dataBytesOf(node);
      if (node.type === "file") parent.ownFiles.push({ name, sizeBytes });
      for (const each of open) {
        each.sizeBytes += sizeBytes;
        each.files++;
      }
    }
  }
  sortBySize(root);
  return root;
}

/** The same with at most `depth` levels of directories, and without files. */
export function cutDepth(size: DirectorySize, depth: number): Omit<DirectorySize, "ownFiles"> {
  const { name, sizeBytes, files, directories } = size;
  const shown = depth > 0 ? directories.map((each) => cutDepth(each, depth - 1)) : [];
  return { name, sizeBytes, files, directories: shown as DirectorySize[] };
}

function directory(name: string): DirectorySize {
  return { name, sizeBytes: 0, files: 0, directories: [], ownFiles: [] };
}

/** Names are in the order of their bytes already, and sorting keeps that among equals. */
function sortBySize(size: DirectorySize): void {
  size.directories.sort((a, b) => b.sizeBytes - a.sizeBytes);
  size.ownFiles.sort((a, b) => b.sizeBytes - a.sizeBytes);
  for (const each of size.directories) sortBySize(each);
}
