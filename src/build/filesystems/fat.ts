import { composeSource } from "../../core/byte-source.ts";
import { fail } from "../../core/errors.ts";
import { parseUuid } from "../../core/seed.ts";
import { bootPieces, bootSectorCopies } from "./fat-boot.ts";
import { type FatContents, readContents } from "./fat-contents.ts";
import { encodeLabelEntry } from "./fat-directories.ts";
import { type FatBits, sectorBytes } from "./fat-format.ts";
import { type FatGeometry, mostSectors } from "./fat-geometry.ts";
import { layOut } from "./fat-layout.ts";
import { encodeLabel, noLabel } from "./fat-names.ts";
import { type Fit, fitExactly, fitWithFree, smallestSectors } from "./fat-size.ts";
import type { FileSystemPlan, FileSystemRequest, FileSystemWriter } from "./filesystem-writer.ts";

/**
 * FAT with long names. The size decides the type, as all systems see it: FAT32 from about 33 MiB on (what UEFI asks of an EFI system partition), FAT16 from
 * 2 MiB on, else FAT12. Owners, modes, hard links and extended attributes have no place in it and are dropped; see fat-root.ts for telling which.
 */
export const fat: FileSystemWriter = fatWriter();

/** `bits`: this type whatever the contents; a file system with few contents is made as large as its type must be. */
export function fatWriter(options: { readonly bits?: FatBits } = {}): FileSystemWriter {
  return { name: "fat", plan: (request) => planFat(request, options.bits) };
}

function planFat(request: FileSystemRequest, bits: FatBits | undefined): FileSystemPlan {
  const { tree, size, label, uuid, epochSeconds, startBytes = 0 } = request;
  const encodedLabel = label === "" ? undefined : (encodeLabel(label) ?? badLabel(label));
  const contents = readContents(tree, encodedLabel !== undefined);
  const { geometry, usedClusters } =
    "exactBytes" in size ? fitExact(contents, size.exactBytes, bits) : fitFree(contents, size.freeBytes, bits);
  const sizeBytes = "exactBytes" in size ? size.exactBytes : geometry.totalSectors * sectorBytes;
  const labelEntry = encodedLabel ? encodeLabelEntry(encodedLabel, epochSeconds) : new Uint8Array();
  const { pieces, files } = layOut(contents, geometry, labelEntry);
  const reserved = bootPieces({
    ...{ geometry, usedClusters, label: encodedLabel ?? noLabel },
    // Disks beyond 2 TiB: the field serves old boot code only, which could not get there.
    hiddenSectors: Math.min(Math.floor(startBytes / sectorBytes), mostSectors),
    // So that it is written as the UUID begins: 6f1d7c52-… gives 6F1D-7C52.
    serial: new DataView(parseUuid(uuid).buffer).getUint32(0),
  });
  return {
    source: composeSource(sizeBytes, [...reserved, ...pieces]),
    freeBytes: (geometry.clusters - usedClusters) * geometry.sectorsPerCluster * sectorBytes,
    notes: notesOn(geometry),
    features: featuresOf(geometry),
    locate: (path) => files.get(path),
    bootSectorCopies: bootSectorCopies(geometry),
  };
}

function badLabel(label: string): never {
  return fail("image/unsupported", `cannot label a FAT file system "${label}"`, {
    hint: 'use up to 11 characters of ASCII, none of "*+,./:;<=>?[\\]| among them and no space in front',
  });
}

function fitExact(contents: FatContents, exactBytes: number, bits: FatBits | undefined): Fit {
  const fit = fitExactly(contents, Math.min(mostSectors, Math.floor(exactBytes / sectorBytes)), bits);
  if (fit !== undefined) return fit;
  const neededBytes = (smallestSectors(contents, bits) ?? tooMuch(bits)) * sectorBytes;
  const name = `FAT${bits ?? ""}`;
  if (neededBytes <= exactBytes)
    fail("image/unsupported", `cannot make a ${name} file system of ${exactBytes} bytes: that has too many clusters`, {
      hint: "make it smaller, or choose a type of more bits",
    });
  return fail(
    "image/disk-too-small",
    `cannot make a ${name} file system of ${exactBytes} bytes: its contents need ${neededBytes} bytes`,
    {
      hint: `make it at least ${Math.ceil(neededBytes / 2 ** 20)}MiB large, leave the size to be computed, or put less into it`,
    },
  );
}

function fitFree(contents: FatContents, freeBytes: number, bits: FatBits | undefined): Fit {
  return fitWithFree(contents, freeBytes, bits) ?? tooMuch(bits);
}

function tooMuch(bits: FatBits | undefined): never {
  return fail(
    "image/unsupported",
    `cannot make a FAT${bits ?? ""} file system: its contents need more clusters than it can have`,
  );
}

function notesOn({ bits, sectorsPerCluster, clusters }: FatGeometry): string[] {
  const clusterBytes = sectorsPerCluster * sectorBytes;
  return [
    `FAT${bits}`,
    clusterBytes < 1024 ? `${clusterBytes}-byte clusters` : `${clusterBytes / 1024} KiB clusters`,
    `${clusters} clusters`,
  ];
}

const reasonOf: Readonly<Record<FatBits, string>> = {
  12: "fewer than 4085 clusters; firmware and kernels read it, but UEFI promises only FAT32 on disks",
  16: "4085 to 65524 clusters; firmware and kernels read it, but UEFI promises only FAT32 on disks",
  32: "65525 clusters or more: what UEFI asks of an EFI system partition; EDK2 refuses it with fewer",
};

function featuresOf({ bits }: FatGeometry): { name: string; reason: string }[] {
  return [
    { name: `fat${bits}`, reason: reasonOf[bits] },
    { name: "lfn", reason: "long names beside the short ones; every reader since Windows 95 knows them" },
  ];
}
