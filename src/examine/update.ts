import { ext4Writer } from "../build/filesystems/ext4.ts";
import { type ByteSource, overlaySource } from "../core/byte-source.ts";
import { CloudimgError } from "../core/errors.ts";
import type { ManifestEntry } from "../core/image-manifest.ts";
import { Tree } from "../core/tree.ts";
import { isAsListed } from "./update-compare.ts";
import { type Changes, mergeTrees } from "./update-merge.ts";
import { readImageManifest, type UpdateTarget } from "./update-target.ts";

export interface UpdateRequest {
  readonly target: UpdateTarget;
  /** All that the profile now has. */
  readonly planned: Tree;
  /** Directories on which other partitions are mounted: what is below them stays as it is. */
  readonly mounts: readonly string[];
  readonly seed: string;
}

/** An updated disk of which nothing is written yet. */
export interface PlannedUpdate {
  /** The whole disk. */
  readonly source: ByteSource;
  readonly changes: Changes;
  /** Whether anything differs. */
  readonly isNeeded: boolean;
  readonly freeBytes: number;
  /** What the profile now has otherwise on partitions of their own, and what therefore stays old. */
  readonly leftOld: readonly string[];
}

/**
 * Plans a disk with a new root file system, of the same place, size, features, UUID and label, in which the profile's files are new and the system's are kept; all other
 * bytes of the disk stay. Contents are read from the image as the disk is written.
 *
 * Errors: `image/conflict`, `image/disk-too-small`, `image/unsupported`.
 */
export function planUpdate({ target, planned, mounts, seed }: UpdateRequest): PlannedUpdate {
  const { image, fileSystem, manifest, startBytes } = target;
  const isElsewhere = (path: string): boolean => mounts.some((mount) => path.startsWith(`${mount}/`));
  const before = manifest.paths.filter(({ path }) => !isElsewhere(path));
  const { tree, changes } = mergeTrees(before, fileSystem.tree, without(planned, isElsewhere));
  const { label, uuid, sizeBytes } = fileSystem;
  try {
    const { epochSeconds } = readImageManifest(planned) ?? manifest;
    const request = { tree, size: { exactBytes: sizeBytes }, label, uuid, seed, epochSeconds, startBytes };
    const { source, freeBytes } = ext4Writer(target.ext4).plan(request);
    return {
      source: overlaySource(image.image.disk, [{ offsetBytes: startBytes, source }]),
      changes,
      isNeeded: changes.added.length + changes.replaced.length + changes.removed.length + changes.overruled.length > 0,
      freeBytes,
      leftOld: differencesOf(
        manifest.paths.filter(({ path }) => isElsewhere(path)),
        planned,
        isElsewhere,
      ),
    };
  } catch (error) {
    if (!(error instanceof CloudimgError) || error.code !== "image/disk-too-small") throw error;
    const reason = error.message.slice(error.message.indexOf(": ") + 2);
    throw new CloudimgError({
      code: "image/disk-too-small",
      message: `cannot update ${image.path}: its root file system has ${sizeBytes} bytes, and ${reason}`,
      hint: "let the guest grow it on a larger disk first, or remove files from the guest or the profile",
    });
  }
}

/** The paths that a list and a tree do not have in common. */
function differencesOf(listed: readonly ManifestEntry[], planned: Tree, isMeant: (path: string) => boolean): string[] {
  const before = new Map(listed.map((entry) => [entry.path, entry]));
  const changed = [...planned.entries()].flatMap(([path, node]) => {
    const entry = before.get(path);
    return isMeant(path) && (entry === undefined || !isAsListed(node, entry)) ? path : [];
  });
  return [...changed, ...listed.flatMap(({ path }) => (planned.has(path) ? [] : path))];
}

function without(tree: Tree, isLeftOut: (path: string) => boolean): Tree {
  const rest = new Tree();
  for (const [path, node] of tree.entries()) if (!isLeftOut(path)) rest.set(path, node);
  return rest;
}
