import type { DiskFormat, FormatOptions } from "../build/disk-formats/disk-format.ts";
import { outputPaths } from "../build/disk-formats/emit.ts";
import type { ReadImage } from "../build/disk-formats/image-reader.ts";
import { diskFormats } from "../build/disk-formats/registry.ts";
import { fail } from "../core/errors.ts";

/** How an image is to be written again, so that it stays what it is. */
export interface UpdateFormat {
  readonly format: DiskFormat;
  readonly compress: boolean;
  readonly clusterSizeBytes: number;
  readonly options: FormatOptions;
}

const usualClusterBytes = 64 * 1024;

/** Errors: `image/unsupported` for an image that is more than a disk (snapshots, files it is based on), or of a format that is only read. */
export function updateFormat(image: ReadImage, path: string): UpdateFormat {
  const refuse = (reason: string): never =>
    fail("image/unsupported", `cannot update ${path}: ${reason}`, {
      hint: "make one whole disk of it with `cloudimg convert`",
    });
  const details = new Map(image.details);
  const format =
    formatOf(image, details) ?? refuse(`images of its kind (${image.format}, ${details.get("type")}) are only read`);
  const [, companion] = outputPaths(format, path);
  const others = image.otherFiles.filter((other) => other !== companion);
  if (others.length > 0) refuse(`it is based on ${others.join(", ")}`);
  if (details.has("snapshots")) refuse("it has snapshots, which would be lost");
  const clusters = details.get("clusters") ?? "";
  return {
    format,
    compress: format.name !== "qcow2" || !/^0 compressed/.test(clusters),
    clusterSizeBytes: sizeOf(details.get("cluster size")) ?? usualClusterBytes,
    options: {
      compat: details.get("version")?.includes("0.10") ? "0.10" : "1.1",
      compression: clusters.includes("(zstd)") ? "zstd" : "zlib",
    },
  };
}

function formatOf({ format }: ReadImage, details: ReadonlyMap<string, string>): DiskFormat | undefined {
  const type = details.get("type");
  if (format === "vhd")
    return type === "fixed" ? diskFormats["vhd-fixed"] : type === "dynamic" ? diskFormats.vhd : undefined;
  if (format === "vmdk")
    return type === "streamOptimized"
      ? diskFormats.vmdk
      : type === "monolithicFlat"
        ? diskFormats["vmdk-flat"]
        : undefined;
  const known: Readonly<Record<string, DiskFormat>> = diskFormats;
  return known[format];
}

/** `64 KiB` → 65536. */
function sizeOf(text: string | undefined): number | undefined {
  const match = /^(\d+) (B|bytes|KiB|MiB)$/.exec(text ?? "");
  const unit = { KiB: 1024, MiB: 1024 ** 2 }[match?.[2] ?? ""] ?? 1;
  return match === null ? undefined : Number(match[1]) * unit;
}
