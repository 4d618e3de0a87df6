import type { Inspection } from "../examine/inspect.ts";
import type { DirectorySize } from "../examine/sizes.ts";
import type { TreemapNode, TreemapView } from "../report/treemap.ts";

/** Smaller files share one box: a page must stay small enough to open. */
const mostFiles = 4000;

/** What a map of an image's sizes shows: by directory, and by package where packages are known. */
export function treemapViews({ root }: Inspection): TreemapView[] {
  if (root === undefined) return [];
  const { sizes, packages } = root;
  const least = leastBytes(sizes);
  const views: TreemapView[] = [{ name: "Directories", root: directoryNode(sizes, least) }];
  if (packages === undefined || packages.packages.length === 0) return views;
  const { unowned } = packages;
  const children = [
    ...packages.packages.map(({ name, version, sizeBytes }) => ({ name: `${name} ${version}`, sizeBytes })),
    { name: "(of no package)", sizeBytes: unowned.sizeBytes },
  ].filter(({ sizeBytes }) => sizeBytes > 0);
  const sizeBytes = children.reduce((sum, child) => sum + child.sizeBytes, 0);
  views.push({ name: "Packages", root: { name: "packages", sizeBytes, children: sorted(children) } });
  return views;
}

/** The size from which a file gets a box of its own. */
function leastBytes(sizes: DirectorySize): number {
  const all: number[] = [];
  const collect = ({ ownFiles, directories }: DirectorySize) => {
    for (const file of ownFiles) all.push(file.sizeBytes);
    for (const each of directories) collect(each);
  };
  collect(sizes);
  all.sort((a, b) => b - a);
  return all[mostFiles] ?? 0;
}

function directoryNode({ name, sizeBytes, directories, ownFiles }: DirectorySize, least: number): TreemapNode {
  const large = ownFiles.filter((file) => file.sizeBytes > least);
  const small = ownFiles.filter((file) => file.sizeBytes <= least);
  const smallBytes = small.reduce((sum, file) => sum + file.sizeBytes, 0);
  const children: TreemapNode[] = [
    ...directories.filter((each) => each.sizeBytes > 0).map((each) => directoryNode(each, least)),
    ...large,
    ...(smallBytes > 0 ? [{ name: `(${small.length} small files)`, sizeBytes: smallBytes }] : []),
  ];
  return { name, sizeBytes, children: sorted(children) };
}

function sorted(nodes: readonly TreemapNode[]): TreemapNode[] {
  return nodes.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
}
