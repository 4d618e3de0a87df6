import { type ByteSource, composeSource, overlaySource, type Piece } from "../core/byte-source.ts";
import type { Context } from "../core/context.ts";
import { Tree } from "../core/tree.ts";
import { tableChoices } from "../profile/choices.ts";
import type { BootPlan } from "./boot/bootloader.ts";
import { bootRequest, loadersOf } from "./disk-boot.ts";
import type { DiskRequest } from "./disk-request.ts";
import { efiImage, efiImagePath, volumesOf } from "./disk-volumes.ts";
import type { FileSystemPlan } from "./filesystems/filesystem-writer.ts";
import type { Identifiers } from "./identifiers.ts";
import type { DiskLayout } from "./layout.ts";
import { makeMountPoints } from "./mount-points.ts";
import type { PlannedPartition } from "./partitions/partition-table.ts";
import { partitionTables } from "./partitions/registry.ts";
import { type PlacedVolumes, placeVolumes } from "./volumes.ts";

export interface PlannedDisk {
  readonly source: ByteSource;
  readonly layout: DiskLayout;
  /** The root's place, one of the layout's. */
  readonly root: PlannedPartition;
  readonly rootFileSystem: FileSystemPlan;
  readonly notes: readonly string[];
}

/** A root file system becomes a disk: boot loaders, file systems, partitions. */
export async function planDisk(request: DiskRequest, context: Pick<Context, "signal" | "jobs">): Promise<PlannedDisk> {
  const { profile, identifiers, tree, epochSeconds } = request;
  const { seed, diskGuid } = identifiers;
  const { disk } = profile;
  const table = partitionTables[tableChoices[identifiers.table].table];

  const loaders = loadersOf(profile).map((loader) => loader.plan(bootRequest(request)));
  const esp = new Tree({ mtime: epochSeconds, origin: "boot loader" });
  for (const { rootFiles, espFiles } of loaders) {
    tree.merge(rootFiles, { replace: true });
    esp.merge(espFiles);
  }
  if (disk.fileSystem === "iso9660" && [...esp.entries()].length > 1)
    tree.set(efiImagePath, {
      ...{ type: "file", mode: 0o644, uid: 0, gid: 0, mtime: epochSeconds, origin: "boot loader" },
      content: await efiImage(esp, identifiers, epochSeconds, context),
    });
  const placedPaths = loaders.flatMap((loader) => loader.placedPaths ?? []);
  makeMountPoints(tree, disk.partitions, epochSeconds);
  request.complete?.(tree, placedPaths);
  const lost: string[] = [];
  const volumes = volumesOf(request, esp, lost, context);
  const placed = await placeVolumes(table, volumes, disk.size === "auto" ? undefined : disk.size);
  const { layout, plans } = placed;
  const { numbers } = identifiers;
  const rootFileSystem = plans.get(numbers.root) as FileSystemPlan;
  const { diskSizeBytes, partitions } = layout;
  const bootCode = loaders.find((loader) => loader.bootCode !== undefined)?.bootCode;
  const locate = rootFileSystem.locate ?? (() => undefined);
  const overlays = loaders.flatMap(({ overlay }) => overlay?.(locate) ?? []);
  const composed = composeSource(diskSizeBytes, [
    ...table.plan({ diskSizeBytes, partitions, seed, diskGuid, bootCode }),
    ...loaders.flatMap(({ pieces }) => pieces),
    ...placed.pieces,
  ]);
  return {
    source: overlaySource(composed, withCopies(overlays, rootFileSystem.bootSectorCopies)),
    layout,
    root: partitions.find(({ number }) => number === numbers.root) as PlannedPartition,
    rootFileSystem,
    notes: [...notesOn(loaders, placed, identifiers), ...lost],
  };
}

const sectorBytes = 512;

/** What goes into the first sector goes into its copies as well. */
function withCopies(pieces: readonly Piece[], copies: readonly number[] = []): Piece[] {
  const first = pieces.filter(({ offsetBytes }) => offsetBytes < sectorBytes);
  const again = copies.flatMap((atBytes) =>
    first.map(({ offsetBytes, source }) => ({ offsetBytes: atBytes + offsetBytes, source })),
  );
  return [...pieces, ...again];
}

function notesOn(loaders: readonly BootPlan[], { plans }: PlacedVolumes, { numbers }: Identifiers): string[] {
  const root = plans.get(numbers.root)?.notes ?? [];
  return [...root, ...loaders.flatMap(({ notes }) => notes ?? [])];
}
