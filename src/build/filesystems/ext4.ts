import type { Extent } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { deriveBytes, parseUuid } from "../../core/seed.ts";
import type { Tree } from "../../core/tree.ts";
import { halfMd4 } from "./ext4-directory-hash.ts";
import { layoutSource } from "./ext4-emit.ts";
import { flagsOf } from "./ext4-features.ts";
import { blockSizeBytes } from "./ext4-format.ts";
import { growthLimitBytes, maxBlocks } from "./ext4-geometry.ts";
import { type InodePlan, planInodes } from "./ext4-inodes.ts";
import { type Layout, usableBlocks } from "./ext4-layout.ts";
import { type ExplainedFeature, type Ext4Options, explainFeatures } from "./ext4-profiles.ts";
import { layOutExactly, layOutSmallest, layOutWithFree } from "./ext4-size.ts";
import { traitsOf } from "./ext4-traits.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystem-writer.ts";

/** A writer plans without waiting for anything. */
export interface Ext4Writer extends FileSystemWriter {
  plan(request: FileSystemRequest): FileSystemPlan;
}

export function ext4Writer(options: Ext4Options): Ext4Writer {
  return { name: "ext4", plan: (request) => planExt4(request, options) };
}

/**
 * ext4 with the feature set that kernels, GRUB and the clouds' importers all read: 4 KiB blocks, 32-byte descriptors, a journal, no
 * checksums, and reserved descriptor blocks so that the kernel can grow it to 2 TiB while it is mounted.
 */
export const ext4 = ext4Writer({ features: "portable" });

const maxLabelBytes = 16;

function planExt4(request: FileSystemRequest, options: Ext4Options): FileSystemPlan {
  const { tree, size, label, uuid, seed, epochSeconds } = request;
  const labelBytes = encodeName(label).length;
  if (labelBytes > maxLabelBytes)
    fail("image/unsupported", `cannot label an ext4 file system "${label}": that is ${labelBytes} bytes long`, {
      hint: `use at most ${maxLabelBytes} bytes`,
    });
  const features = featuresOf(options, tree);
  const uuidBytes = parseUuid(uuid);
  const traits = traitsOf(flagsOf(features.map(({ name }) => name)), uuidBytes);
  const hashSeed = deriveBytes(seed, `ext4 directory hash ${uuid}`, 16);
  const inodePlan = planInodes(tree, epochSeconds, halfMd4(hashSeed), traits);
  const layout = "exactBytes" in size ? exactLayout(inodePlan, size.exactBytes) : freeLayout(inodePlan, size.freeBytes);
  const sizeBytes = "exactBytes" in size ? size.exactBytes : layout.geometry.blocks * blockSizeBytes;
  return {
    source: layoutSource(layout, inodePlan, { label, uuid: uuidBytes, hashSeed, epochSeconds }, sizeBytes),
    freeBytes: usableBlocks(layout) * blockSizeBytes,
    notes: notesOn(layout),
    features,
    locate: (path) => locate(tree, inodePlan, layout, path),
  };
}

function featuresOf({ features, journal }: Ext4Options, tree: Tree): ExplainedFeature[] {
  const hasXattrs = [...tree.entries()].some(([, { xattrs }]) => xattrs !== undefined && xattrs.size > 0);
  return (
    explainFeatures(features, { journal, hasXattrs }) ??
    fail("image/unsupported", `cannot give an ext4 file system with the features "${features}" a journal`, {
      hint: "leave the journal out, or choose other features",
    })
  );
}

/** Where a file's content lies, its holes left out. Links are followed. */
function locate(tree: Tree, plan: InodePlan, layout: Layout, path: string): Extent[] | undefined {
  const target = tree.resolve(path);
  const node = target === undefined ? undefined : tree.get(target);
  if (node?.type !== "file") return undefined;
  const mapping = layout.mappings[plan.positionOf(node) ?? -1];
  const extents: { offsetBytes: number; lengthBytes: number }[] = [];
  for (const { logicalBlock, physicalBlock, blocks } of mapping?.extents ?? []) {
    const offsetBytes = physicalBlock * blockSizeBytes;
    const lengthBytes = Math.min(blocks * blockSizeBytes, node.content.sizeBytes - logicalBlock * blockSizeBytes);
    const last = extents.at(-1);
    if (last !== undefined && last.offsetBytes + last.lengthBytes === offsetBytes) last.lengthBytes += lengthBytes;
    else extents.push({ offsetBytes, lengthBytes });
  }
  return extents;
}

function exactLayout(plan: InodePlan, exactBytes: number): Layout {
  const layout = layOutExactly(plan, Math.min(maxBlocks, Math.floor(exactBytes / blockSizeBytes)));
  if (layout !== undefined) return layout;
  const neededBytes = sizeOf(layOutSmallest(plan) ?? tooMuch());
  return fail(
    "image/disk-too-small",
    `cannot make an ext4 file system of ${exactBytes} bytes: its contents need ${neededBytes} bytes`,
    {
      hint: `make it at least ${Math.ceil(neededBytes / 2 ** 20)}MiB large, leave the size to be computed, or put less into it`,
    },
  );
}

function freeLayout(plan: InodePlan, freeBytes: number): Layout {
  return layOutWithFree(plan, freeBytes) ?? tooMuch();
}

function tooMuch(): never {
  return fail("image/unsupported", "cannot make an ext4 file system: its contents need more than 16 TiB");
}

function sizeOf(layout: Layout): number {
  return layout.geometry.blocks * blockSizeBytes;
}

function notesOn({ geometry, journalBlocks }: Layout): string[] {
  return [
    "4 KiB blocks",
    `${geometry.groups * geometry.inodesPerGroup} inodes`,
    journalBlocks === 0 ? "no journal" : `journal ${(journalBlocks * blockSizeBytes) / 2 ** 20} MiB`,
    geometry.traits.resizeInode
      ? `can grow to ${growthLimitBytes(geometry) / 2 ** 40} TiB while mounted`
      : "cannot grow while mounted",
  ];
}
