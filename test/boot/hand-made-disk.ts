import { join } from "node:path";
import type { BootPlan, BootRequest } from "../../src/build/boot/bootloader.ts";
import { ext4 } from "../../src/build/filesystems/ext4.ts";
import { fatWriter } from "../../src/build/filesystems/fat.ts";
import type { FileSystemWriter } from "../../src/build/filesystems/filesystem-writer.ts";
import { mbr } from "../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../src/build/partitions/partition-table.ts";
import { type ByteSource, composeSource, overlaySource, readAll } from "../../src/core/byte-source.ts";
import { emitSource, writeOutput } from "../../src/core/output.ts";
import { Tree } from "../../src/core/tree.ts";
import { fileOf } from "../build/boot/grub-package.ts";

const MiB = 1024 ** 2;
const espBytes = 40 * MiB;
const work = { signal: new AbortController().signal, jobs: 1 };

/** Behind the MBR, before the first partition. */
export const gap = { startBytes: 512, endBytes: MiB };

interface Contents {
  readonly boots: readonly BootPlan[];
  /** Of the root file system, besides the boot loaders' own. */
  readonly files: Readonly<Record<string, BootRequest["kernel"] | Uint8Array>>;
  readonly rootUuid: string;
  readonly epochSeconds: number;
}

/** An MBR disk with the root as partition 1 and, if a boot loader wants one, an EFI system partition before it as partition 2. */
export async function handMadeDisk(directory: string, name: string, contents: Contents): Promise<string> {
  const { boots, files, rootUuid: uuid, epochSeconds } = contents;
  const tree = treeOf(boots, files);
  const esp = new Tree();
  for (const { espFiles } of boots) esp.merge(espFiles);
  const root = await ext4.plan({ tree, size: { freeBytes: 0 }, label: "root", uuid, seed: name, epochSeconds });
  const hasEsp = esp.has("/EFI");
  const espSource = await fatWriter({ bits: 32 }).plan(
    { tree: esp, size: { exactBytes: espBytes }, label: "EFI", uuid, seed: name, epochSeconds, startBytes: MiB },
    work,
  );
  const rootStartBytes = MiB + (hasEsp ? espBytes : 0);
  const rootBytes = Math.ceil(root.source.sizeBytes / MiB) * MiB;
  const partitions: PlannedPartition[] = [
    { number: 1, startBytes: rootStartBytes, sizeBytes: rootBytes, kind: "linux", bootable: true, name: "root" },
  ];
  if (hasEsp)
    partitions.push({ number: 2, startBytes: MiB, sizeBytes: espBytes, kind: "esp", bootable: false, name: "esp" });
  const diskSizeBytes = rootStartBytes + rootBytes;
  const bootCode = boots.find((boot) => boot.bootCode !== undefined)?.bootCode;
  const disk = composeSource(diskSizeBytes, [
    ...mbr.plan({ diskSizeBytes, partitions, seed: name, bootCode }),
    ...boots.flatMap(({ pieces }) => pieces),
    ...(hasEsp ? [{ offsetBytes: MiB, source: espSource.source }] : []),
    { offsetBytes: rootStartBytes, source: root.source },
  ]);
  return await writeDisk(directory, name, disk);
}

/** A disk that is a file system, without a partition table. */
export async function bareDisk(
  directory: string,
  name: string,
  writer: FileSystemWriter,
  { boots, files, rootUuid: uuid, epochSeconds }: Contents,
): Promise<string> {
  const tree = treeOf(boots, files);
  const request = { tree, size: { freeBytes: 8 * MiB }, label: "ROOT", uuid, seed: name, epochSeconds };
  const { source, locate } = await writer.plan(request, work);
  if (locate === undefined) throw new Error(`${writer.name} does not say where files lie`);
  const pieces = boots.flatMap(({ overlay }) => overlay?.(locate) ?? []);
  return await writeDisk(directory, name, overlaySource(source, pieces));
}

/** What is put into the root file system besides what the boot loaders need there. */
export function treeOf(boots: Contents["boots"], files: Contents["files"]): Tree {
  const tree = new Tree();
  for (const { rootFiles } of boots) tree.merge(rootFiles, { replace: true });
  for (const [path, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array ? content : readAll(content);
    tree.set(path, fileOf(bytes), { replace: true });
  }
  return tree;
}

async function writeDisk(directory: string, name: string, disk: ByteSource): Promise<string> {
  const path = join(directory, `${name}.raw`);
  const { signal } = work;
  await writeOutput(path, { signal }, (fd) => emitSource(disk, fd, { signal }));
  return path;
}
