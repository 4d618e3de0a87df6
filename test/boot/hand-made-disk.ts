import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { BootPlan, BootRequest } from "../../src/build/boot/bootloader.ts";
import { ext4 } from "../../src/build/filesystems/ext4.ts";
import { mbr } from "../../src/build/partitions/mbr.ts";
import type { PlannedPartition } from "../../src/build/partitions/partition-table.ts";
import { bytesSource, composeSource, readAll } from "../../src/core/byte-source.ts";
import { emitSource, writeOutput } from "../../src/core/output.ts";
import { Tree } from "../../src/core/tree.ts";
import { fileOf } from "../build/boot/grub-package.ts";
import { runOracle } from "../oracles/run.ts";

const MiB = 1024 ** 2;
const espBytes = 40 * MiB;

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
  const tree = new Tree();
  const esp = new Tree();
  for (const { rootFiles, espFiles } of boots) {
    tree.merge(rootFiles, { replace: true });
    esp.merge(espFiles);
  }
  for (const [path, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array ? content : readAll(content);
    tree.set(path, fileOf(bytes), { replace: true });
  }
  const root = await ext4.plan({ tree, size: { freeBytes: 0 }, label: "root", uuid, seed: name, epochSeconds });
  const hasEsp = esp.has("/EFI");
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
    ...(hasEsp ? [{ offsetBytes: MiB, source: bytesSource(await makeFat(directory, name, esp)) }] : []),
    { offsetBytes: rootStartBytes, source: root.source },
  ]);
  const path = join(directory, `${name}.raw`);
  const { signal } = new AbortController();
  await writeOutput(path, { signal }, (fd) => emitSource(disk, fd, { signal }));
  return path;
}

/** By other people's tools. */
async function makeFat(directory: string, name: string, tree: Tree): Promise<Uint8Array> {
  const image = join(directory, `${name}.fat`);
  const files = join(directory, `${name}.files`);
  const run = async (tool: string, ...words: string[]) => {
    const { status, output } = await runOracle(tool, words);
    expect({ tool, status, output: status === 0 ? "" : output }).toEqual({ tool, status: 0, output: "" });
  };
  await run("mkfs.fat", "-C", "-F", "32", "-s", "1", image, String(espBytes / 1024));
  for (const [path, node] of tree.entries())
    if (node.type === "directory") mkdirSync(join(files, path), { recursive: true });
    else if (node.type === "file") writeFileSync(join(files, path), readAll(node.content));
  await run("mcopy", "-s", "-i", image, join(files, "EFI"), "::/");
  return readFileSync(image);
}
