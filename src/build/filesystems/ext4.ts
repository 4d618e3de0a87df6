import { fail } from "../../core/errors.ts";
import { encodeName } from "../../core/names.ts";
import { deriveBytes, parseUuid } from "../../core/seed.ts";
import { halfMd4 } from "./ext4-directory-hash.ts";
import { layoutSource } from "./ext4-emit.ts";
import { blockSizeBytes } from "./ext4-format.ts";
import { growthLimitBytes, maxBlocks } from "./ext4-geometry.ts";
import { type InodePlan, planInodes } from "./ext4-inodes.ts";
import { type Layout, usableBlocks } from "./ext4-layout.ts";
import { layOutExactly, layOutSmallest, layOutWithFree } from "./ext4-size.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystem-writer.ts";

/**
 * ext4 with the feature set that kernels, GRUB and the clouds' importers all read: 4 KiB blocks, 32-byte descriptors, a journal, no
 * checksums, and reserved descriptor blocks so that the kernel can grow it to 2 TiB while it is mounted.
 */
export const ext4 = { name: "ext4", plan: planExt4 } satisfies FileSystemWriter;

const maxLabelBytes = 16;

function planExt4(request: FileSystemRequest): FileSystemPlan {
  const { tree, size, label, uuid, seed, epochSeconds } = request;
  const labelBytes = encodeName(label).length;
  if (labelBytes > maxLabelBytes)
    fail("image/unsupported", `cannot label an ext4 file system "${label}": that is ${labelBytes} bytes long`, {
      hint: `use at most ${maxLabelBytes} bytes`,
    });
  const hashSeed = deriveBytes(seed, `ext4 directory hash ${uuid}`, 16);
  const inodePlan = planInodes(tree, epochSeconds, halfMd4(hashSeed));
  const layout = "exactBytes" in size ? exactLayout(inodePlan, size.exactBytes) : freeLayout(inodePlan, size.freeBytes);
  const sizeBytes = "exactBytes" in size ? size.exactBytes : layout.geometry.blocks * blockSizeBytes;
  return {
    source: layoutSource(layout, inodePlan, { label, uuid: parseUuid(uuid), hashSeed, epochSeconds }, sizeBytes),
    freeBytes: usableBlocks(layout) * blockSizeBytes,
    notes: notesOn(layout),
  };
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
    `journal ${(journalBlocks * blockSizeBytes) / 2 ** 20} MiB`,
    `can grow to ${growthLimitBytes(geometry) / 2 ** 40} TiB while mounted`,
  ];
}
