import { statSync } from "node:fs";
import { extname } from "node:path";
import type { DiskFormat } from "../build/disk-formats/disk-format.ts";
import { emitImage, outputPaths } from "../build/disk-formats/emit.ts";
import { openImage } from "../build/disk-formats/open-image.ts";
import { imageReaders } from "../build/disk-formats/readers.ts";
import { diskFormats } from "../build/disk-formats/registry.ts";
import { type Context, step } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import { formatBytes } from "../core/format.ts";
import { sizeSchema } from "../profile/quantities.ts";
import { refuseToOverwriteInput } from "./overwriting.ts";

export interface ConvertOptions {
  readonly format?: string;
  readonly from?: string;
  readonly compress?: boolean;
  readonly clusterSize?: string;
  readonly compat?: "0.10" | "1.1";
  readonly compression?: "zlib" | "zstd";
}

export interface Converted {
  readonly input: { readonly path: string; readonly format: string; readonly fileBytes: number };
  readonly diskSizeBytes: number;
  readonly files: readonly {
    readonly path: string;
    readonly format: string;
    readonly sizeBytes: number;
    readonly allocatedBytes: number;
  }[];
  /** SHA-256 of the raw disk: the same for every format. */
  readonly identity: string;
}

/** Errors: `usage/arguments`, those of `openImage` and of `emitImage`. */
export async function convertImage(
  inPath: string,
  outPath: string,
  options: ConvertOptions,
  context: Context,
): Promise<Converted> {
  const format = formatFor(outPath, options.format);
  const clusterSizeBytes = checkOptions(format, options);
  checkFrom(options.from);
  const image = openImage(inPath, { format: options.from });
  try {
    for (const path of outputPaths(format, outPath)) refuseToOverwriteInput(path, image, "name another OUT");
    for (const problem of image.problems)
      context.emit({ type: "log", level: "warning", message: `${inPath}: ${problem}` });
    return await step(context, "convert", `Convert ${image.format} to ${format.name}`, async (progress) => {
      const { compat, compression, compress = true } = options;
      const { files, rawSha256 } = await emitImage(
        {
          source: image.disk,
          outputs: [{ format, path: outPath }],
          compress,
          clusterSizeBytes,
          options: { compat, compression },
          progress: progress.bytes,
        },
        context,
      );
      progress.note(files.map((file) => `${file.format} ${formatBytes(file.sizeBytes)}`).join(", "));
      return {
        input: { path: inPath, format: image.format, fileBytes: image.fileBytes },
        diskSizeBytes: image.disk.sizeBytes,
        files: files.map((file) => ({ ...file, allocatedBytes: statSync(file.path).blocks * 512 })),
        identity: rawSha256,
      };
    });
  } finally {
    image.close();
  }
}

/** `vpc` is QEMU's name of VHD. */
function checkFrom(name: string | undefined): void {
  const names = imageReaders.map((reader) => reader.name);
  if (name === undefined || name === "vpc" || names.includes(name)) return;
  fail("usage/arguments", `cannot read the format "${name}": it is not known`, {
    hint: `leave --from out, or name one of ${names.join(", ")}`,
  });
}

function formatFor(outPath: string, name: string | undefined): DiskFormat {
  const all: readonly DiskFormat[] = Object.values(diskFormats);
  const hint = `name one with --format: ${all.map((format) => format.name).join(", ")}`;
  if (name !== undefined) {
    const format = all.find((each) => each.name === name);
    return format ?? fail("usage/arguments", `cannot write the format "${name}": it is not known`, { hint });
  }
  const extension = extname(outPath).toLowerCase();
  if (extension === ".iso")
    fail("usage/arguments", `cannot write ${outPath}: an ISO is a file system on a CD, not a format of disks`, {
      hint,
    });
  if (extension === ".img") return diskFormats.raw;
  const format = all.find((each) => each.extension === extension);
  return format ?? fail("usage/arguments", `cannot tell from the name ${outPath} what to write`, { hint });
}

const defaultClusterBytes = 64 * 1024;

/** Gives the size of clusters. What a format does not have is refused: it would not be what was asked for. */
function checkOptions(format: DiskFormat, options: ConvertOptions): number {
  const asked = {
    "--cluster-size": options.clusterSize,
    "--compat": options.compat,
    "--compression": options.compression,
  };
  for (const [name, value] of Object.entries(asked))
    if (value !== undefined && format.name !== "qcow2")
      fail("usage/arguments", `cannot use ${name} for ${format.name}: only qcow2 has it`);
  if (options.clusterSize === undefined) return defaultClusterBytes;
  const size = sizeSchema.safeParse(
    /^\d+$/.test(options.clusterSize) ? Number(options.clusterSize) : options.clusterSize,
  );
  if (size.success) return size.data;
  return fail("usage/arguments", `cannot use clusters of "${options.clusterSize}": it must be a size like 64KiB`);
}
