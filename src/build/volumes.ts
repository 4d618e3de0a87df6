import type { ByteSource, Piece } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import { CloudimgError } from "../core/errors.ts";
import { type Node, Tree } from "../core/tree.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystems/filesystem-writer.ts";
import { alignUp, type DiskLayout, layoutDisk, type WantedPartition } from "./layout.ts";
import type { PartitionTable } from "./partitions/partition-table.ts";

type Size = FileSystemRequest["size"];
type Work = Pick<Context, "signal" | "jobs">;

/** A partition with what goes into it. */
export interface Volume extends Omit<WantedPartition, "sizeBytes"> {
  /** The partition's size; without it, what the content needs and `freeBytes` besides. */
  readonly sizeBytes?: number | undefined;
  readonly freeBytes: number;
  /** Nothing for a partition that boot code is written into directly. */
  readonly content?: ((size: Size, startBytes: number) => FileSystemPlan | Promise<FileSystemPlan>) | undefined;
}

export interface PlacedVolumes {
  readonly layout: DiskLayout;
  readonly pieces: readonly Piece[];
  /** The plan of each volume's content, by its partition's number. */
  readonly plans: ReadonlyMap<number, FileSystemPlan>;
}

/**
 * Plans the contents of a disk's partitions and where they lie, around each other: a disk of fixed size decides how large its last file system is, an
 * automatic one follows it. `volumes` are in the order in which they shall lie on the disk.
 *
 * Errors: `image/disk-too-small`, those of the contents.
 */
export async function placeVolumes(
  table: PartitionTable,
  volumes: readonly Volume[],
  diskSizeBytes: number | undefined,
): Promise<PlacedVolumes> {
  const plans = new Map<number, FileSystemPlan>();
  const wanted: WantedPartition[] = [];
  let atBytes = alignUp(table.reserved.startBytes);
  for (const [index, volume] of volumes.entries()) {
    const grows = index === volumes.length - 1 && diskSizeBytes !== undefined;
    const size: Size =
      volume.sizeBytes === undefined
        ? { freeBytes: grows ? 0 : volume.freeBytes }
        : { exactBytes: alignUp(volume.sizeBytes) };
    const plan = await volume.content?.(size, atBytes);
    if (plan !== undefined) plans.set(volume.number, plan);
    const sizeBytes = volume.sizeBytes ?? plan?.source.sizeBytes ?? 0;
    const { content: _, freeBytes: __, ...partition } = volume;
    wanted.push({ ...partition, sizeBytes });
    atBytes += alignUp(sizeBytes);
  }
  const layout = layoutDisk({ table, partitions: wanted, diskSizeBytes });
  const [last, place] = [volumes.at(-1), layout.partitions.at(-1)];
  if (diskSizeBytes !== undefined && last?.content !== undefined && place !== undefined)
    plans.set(last.number, await last.content({ exactBytes: place.sizeBytes }, place.startBytes));
  const pieces = layout.partitions.flatMap(({ number, startBytes }): Piece[] => {
    const source = plans.get(number)?.source;
    return source === undefined ? [] : [{ offsetBytes: startBytes, source }];
  });
  return { layout, pieces, plans };
}

/** A volume's content made by a writer. */
export function written(
  writer: FileSystemWriter,
  request: Omit<FileSystemRequest, "size" | "startBytes">,
  work: Work,
): NonNullable<Volume["content"]> {
  return (size, startBytes) => writer.plan({ ...request, size, startBytes }, work);
}

/** Content whose size a setting of the profile decides: too little room is told with that setting's name. */
export function sizedBy(
  what: string,
  setting: string,
  content: NonNullable<Volume["content"]>,
): NonNullable<Volume["content"]> {
  return async (size, startBytes) => {
    try {
      return await content(size, startBytes);
    } catch (error) {
      if (!(error instanceof CloudimgError) || error.code !== "image/disk-too-small") throw error;
      const [problem] = error.problems;
      throw new CloudimgError(
        {
          ...problem,
          message: `cannot make ${what} as large as ${setting} says: ${problem.message}`,
          hint: `make ${setting} larger, or put less into it`,
        },
        { cause: error },
      );
    }
  };
}

/** Takes what lies below mount points out of a tree, for each what is its own: that of `/srv/data` is not in that of `/srv`, but the directory is. */
export function takeMounted<T extends { readonly mount?: string | undefined }>(
  tree: Tree,
  wanted: readonly T[],
): Map<T, Tree> {
  const depth = (path: string) => path.split("/").length;
  return new Map(
    wanted
      .flatMap((each) => (each.mount === undefined ? [] : [{ each, mount: each.mount }]))
      .sort((a, b) => depth(b.mount) - depth(a.mount))
      .map(({ each, mount }) => [each, takeSubtree(tree, mount)] as const),
  );
}

/** Takes what is at and below `path` out of a tree, as a tree of its own; the directory itself stays, to be mounted on. */
export function takeSubtree(tree: Tree, path: string): Tree {
  const directory = tree.get(path);
  const taken = new Tree(directory?.type === "directory" ? directory : {});
  const moved: [string, Node][] = [];
  for (const [at, node] of tree.entries(path)) if (at !== path) moved.push([at, node]);
  for (const [at, node] of moved) taken.set(at.slice(path.length), node);
  for (const name of tree.list(path)) tree.remove(`${path}/${name}`);
  return taken;
}

/** A file's content. */
export function contentAt(tree: Tree, path: string): ByteSource | undefined {
  const node = tree.get(path);
  return node?.type === "file" ? node.content : undefined;
}
