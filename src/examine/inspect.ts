import { sliceSource } from "../core/byte-source.ts";
import type { Problem } from "../core/errors.ts";
import type { Tree } from "../core/tree.ts";
import { type BootCode, readBootCode, unknownCode } from "./boot-code.ts";
import { type BootConfig, findBootConfigs } from "./boot-entries.ts";
import { type EfiProgram, findEfiPrograms } from "./efi-programs.ts";
import { gapsWithData } from "./gaps.ts";
import {
  type FoundInitrd,
  type FoundKernel,
  type FoundModules,
  findInitrds,
  findKernels,
  findModules,
} from "./kernels.ts";
import { type ExaminedImage, type ExaminedPartition, volumesOf } from "./open.ts";
import { type PackageFacts, readPackages } from "./packages.ts";
import { partitionTypeName } from "./partition-types.ts";
import { type OpenVolume, rootScore } from "./root.ts";
import { type DirectorySize, measureTree } from "./sizes.ts";
import { readSystem, type SystemFacts } from "./system.ts";
import { openVolume, type Volume } from "./volume.ts";

/** A file system as it is told of. */
export interface InspectedFileSystem {
  readonly type: string;
  readonly label: string;
  readonly uuid: string;
  readonly sizeBytes: number;
  readonly freeBytes: number | undefined;
  readonly features: readonly string[];
  readonly details: readonly (readonly [name: string, value: string])[];
  readonly problems: readonly string[];
  /** Everything in it but the root itself. */
  readonly entries: number;
  readonly bootCode: BootCode | undefined;
  readonly efiPrograms: readonly EfiProgram[];
  readonly bootConfigs: readonly BootConfig[];
  readonly kernels: readonly FoundKernel[];
  readonly initrds: readonly FoundInitrd[];
  readonly modules: readonly FoundModules[];
}

/** What is in a partition, or on the whole disk. */
export interface InspectedVolume {
  readonly partition: number | undefined;
  /** Also of what cannot be read. */
  readonly kind: string | undefined;
  readonly fileSystem: InspectedFileSystem | undefined;
  readonly problem: Problem | undefined;
}

export interface InspectedPartition extends Omit<ExaminedPartition, "volume"> {
  readonly typeName: string | undefined;
}

/** Everything that can be told of an image without reading all of it. Plain data: `--json` prints it. */
export interface Inspection {
  readonly path: string;
  readonly format: string;
  readonly fileBytes: number;
  /** Of the disk as the guest sees it. */
  readonly sizeBytes: number;
  /** Of the disk, what the image file holds. */
  readonly dataBytes: number;
  readonly details: readonly (readonly [name: string, value: string])[];
  readonly otherFiles: readonly string[];
  readonly problems: readonly string[];
  /** Of the raw disk, if it was asked for. */
  readonly sha256: string | undefined;
  readonly table: { readonly name: string; readonly id: string; readonly problems: readonly string[] } | undefined;
  /** BIOS boot code in the disk's first sector. */
  readonly bootCode: BootCode | undefined;
  readonly partitions: readonly InspectedPartition[];
  /** Outside of partitions. */
  readonly gaps: readonly {
    readonly startBytes: number;
    readonly sizeBytes: number;
    readonly dataStartBytes: number;
    readonly dataBytes: number;
    readonly what: string;
  }[];
  readonly volumes: readonly InspectedVolume[];
  /** Of the file system that looks most like a system's root, if one does. */
  readonly root:
    | {
        readonly partition: number | undefined;
        readonly system: SystemFacts;
        readonly packages: PackageFacts | undefined;
        readonly sizes: DirectorySize;
      }
    | undefined;
}

/** Tells of an image all that can be told without reading the contents of its files. Errors of one file system do not keep the rest from being told. */
export function inspectImage(examined: ExaminedImage, sha256?: string): Inspection {
  const { image, table, path, fileBytes } = examined;
  const { disk, format, details, otherFiles, problems } = image;
  const bootCode = readBootCode(disk);
  const volumes = volumesOf(examined);
  const root = mostRootLike(volumes);
  return {
    ...{ path, format, fileBytes, sha256, details, otherFiles, problems, bootCode },
    sizeBytes: disk.sizeBytes,
    dataBytes: disk.extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    table: table && { name: table.name, id: table.id, problems: table.problems },
    partitions: examined.partitions.map(({ volume: _volume, ...partition }) => ({
      ...partition,
      typeName: partitionTypeName(partition.type),
    })),
    gaps: describeGaps(examined, bootCode),
    volumes: volumes.map(inspectVolume),
    root: root && {
      partition: root.volume.number,
      system: readSystem(root.fileSystem.tree),
      packages: readPackages(root.fileSystem.tree),
      sizes: measureTree(root.fileSystem.tree),
    },
  };
}

function inspectVolume(volume: Volume): InspectedVolume {
  const { fileSystem, problem } = volume.tryOpen();
  return {
    partition: volume.number,
    kind: volume.kind,
    fileSystem: fileSystem && inspectFileSystem({ volume, fileSystem }),
    problem,
  };
}

function inspectFileSystem({ volume, fileSystem }: OpenVolume): InspectedFileSystem {
  const { tree, ...told } = fileSystem;
  let entries = -1;
  for (const _ of tree.entries()) entries++;
  return {
    ...told,
    entries,
    bootCode: volume.startBytes === 0 ? undefined : knownBootCode(volume),
    efiPrograms: [...findEfiPrograms(tree), ...(volume.kind === "iso9660" ? programsOfImages(tree) : [])],
    bootConfigs: findBootConfigs(tree),
    kernels: findKernels(tree),
    initrds: findInitrds(tree),
    modules: findModules(tree),
  };
}

/** What firmware starts from a CD lies in an image of an EFI system partition: `/efi.img!/EFI/BOOT/BOOTX64.EFI`. */
function programsOfImages(tree: Tree): EfiProgram[] {
  return [...tree.entries()].flatMap(([path, node]) => {
    if (node.type !== "file" || !/\/(efi|efiboot|esp|efi-boot)\.img$/i.test(path)) return [];
    const inner = openVolume(node.content, undefined).tryOpen().fileSystem;
    return inner === undefined
      ? []
      : findEfiPrograms(inner.tree).map((each) => ({ ...each, path: `${path}!${each.path}` }));
  });
}

/** File systems have some code in their first sector whether or not it boots anything. */
function knownBootCode({ source }: Volume): BootCode | undefined {
  const found = readBootCode(source);
  return found?.name === unknownCode ? undefined : found;
}

/** Unlike `findRoot`, a data disk has none. */
function mostRootLike(volumes: readonly Volume[]): OpenVolume | undefined {
  let best: (OpenVolume & { readonly score: number }) | undefined;
  for (const volume of volumes) {
    const { fileSystem } = volume.tryOpen();
    if (fileSystem === undefined) continue;
    const score = rootScore(fileSystem.tree);
    if (score > (best?.score ?? 0)) best = { volume, fileSystem, score };
  }
  return best;
}

function describeGaps(examined: ExaminedImage, bootCode: BootCode | undefined): Inspection["gaps"] {
  const { table, whole } = examined;
  const { disk } = examined.image;
  // What lies between the partitions of a CD is the CD.
  if (table === undefined || whole !== undefined) return [];
  const core = bootCode?.core;
  return gapsWithData(disk, table).map(({ gap, data }) => {
    const isCore =
      core?.isThere === true &&
      core.offsetBytes >= gap.offsetBytes &&
      core.offsetBytes < gap.offsetBytes + gap.lengthBytes;
    const name = isCore ? "GRUB's core image" : knownGap(sliceSource(disk, data.offsetBytes, data.lengthBytes));
    return {
      ...{ startBytes: gap.offsetBytes, sizeBytes: gap.lengthBytes },
      ...{ dataStartBytes: data.offsetBytes, dataBytes: data.lengthBytes, what: name },
    };
  });
}

/** What else is found before a first partition. */
function knownGap(source: ReturnType<typeof sliceSource>): string {
  const head = Buffer.alloc(Math.min(64, source.sizeBytes));
  source.read(head, 0);
  const text = head.toString("latin1");
  if (text.startsWith("EFI PART")) return "a GPT header";
  if (text.startsWith("eGON.BT")) return "a boot loader for Allwinner boards";
  return "unknown data";
}
