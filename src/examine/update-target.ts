import { type Ext4Options, optionsWithFeatures } from "../build/filesystems/ext4-profiles.ts";
import { readAll } from "../core/byte-source.ts";
import { isZero } from "../core/checksums.ts";
import { fail } from "../core/errors.ts";
import { type ImageManifest, imageManifestPath, parseImageManifest } from "../core/image-manifest.ts";
import type { Tree } from "../core/tree.ts";
import { type ExaminedImage, examineImage } from "./open.ts";
import { findRoot, type OpenVolume } from "./root.ts";
import { type UpdateFormat, updateFormat } from "./update-format.ts";

/** An image that can be updated. */
export interface UpdateTarget extends OpenVolume {
  readonly image: ExaminedImage;
  readonly manifest: ImageManifest;
  /** How its root file system is to be written again. */
  readonly ext4: Ext4Options;
  readonly format: UpdateFormat;
  /** Of the root on the disk. */
  readonly startBytes: number;
  close(): void;
}

/** The list of what a profile has put into a tree, if there is one. Errors: `image/damaged`, `image/unsupported`. */
export function readImageManifest(tree: Tree): ImageManifest | undefined {
  const node = tree.get(imageManifestPath);
  if (node?.type !== "file") return undefined;
  return parseImageManifest(new TextDecoder().decode(readAll(node.content)));
}

/** What a file system's first sectors may hold: code that would not find its files again. */
const bootSectorsBytes = 1024;

/**
 * Opens an image and makes sure that it can be updated: we have made it, its root is an ext4 that was unmounted properly, and nothing on the disk refers to blocks in it.
 *
 * Errors: `image/not-found`, `image/not-an-image`, `image/damaged`, `image/unsupported`, `image/no-file-system`.
 */
export function openUpdateTarget(path: string): UpdateTarget {
  const image = examineImage(path);
  try {
    const refuse = (reason: string, hint: string): never =>
      fail("image/unsupported", `cannot update ${path}: ${reason}`, { hint });
    const format = updateFormat(image.image, path);
    const { volume, fileSystem } = findRoot(image);
    const { type, features, problems, tree } = fileSystem;
    if (volume.kind !== "ext4")
      refuse(`its root file system is ${type}, and only ext4 is updated`, "build the image anew");
    const [problem] = problems;
    if (problem !== undefined)
      refuse(`of its root file system, ${problem}`, "start and shut down the guest properly, or run e2fsck on it");
    const ext4 =
      optionsWithFeatures(features) ??
      refuse(`its ${type} has features that cloudimg does not write together: ${features.join(", ")}`, "build it anew");
    const boot = new Uint8Array(bootSectorsBytes);
    volume.source.read(boot, 0);
    if (!isZero(boot))
      refuse("its root file system begins with boot code, which refers to blocks in it", "build the image anew");
    const manifest =
      readImageManifest(tree) ??
      refuse(
        `it has no ${imageManifestPath}, so nobody knows what in it is the profile's`,
        "only images that this version of cloudimg has built can be updated",
      );
    const partition = image.partitions.find(({ number }) => number === volume.number);
    return {
      ...{ image, volume, fileSystem, manifest, ext4, format },
      startBytes: partition?.startBytes ?? 0,
      close: () => image.close(),
    };
  } catch (error) {
    image.close();
    throw error;
  }
}
