import { statSync } from "node:fs";
import { join } from "node:path";
import { emitImage } from "../build/disk-formats/emit.ts";
import { type DiskFormatName, diskFormats } from "../build/disk-formats/registry.ts";
import { obtainLock } from "../build/locking.ts";
import { type PlannedImage, planImage } from "../build/pipeline.ts";
import { type Context, step } from "../core/context.ts";
import { formatBytes } from "../core/format.ts";
import { makeDirectory } from "../core/make-directory.ts";
import type { LoadedProfile } from "../profile/load.ts";

/** The options that every verb that builds has. */
export interface BuildOptions {
  readonly mirror?: string;
  readonly locked?: boolean;
  readonly allowExpired?: boolean;
  readonly output?: string;
}

export interface BuiltFile {
  readonly path: string;
  readonly format: string;
  readonly sizeBytes: number;
  /** What it takes on this host's disk: less than its size if it has holes. */
  readonly allocatedBytes: number;
}

export interface Built {
  readonly name: string;
  /** SHA-256 of the raw disk. */
  readonly identity: string;
  readonly diskSizeBytes: number;
  readonly kernelVersion: string;
  readonly files: readonly BuiltFile[];
}

export async function planProfile(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
): Promise<PlannedImage> {
  const archive = { mirror: options.mirror, allowExpired: options.allowExpired === true };
  const lock = await obtainLock(loaded, { ...archive, mode: options.locked === true ? "locked" : "keep" }, context);
  return await planImage({ ...archive, loaded, lock }, context);
}

export async function buildProfile(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
  formats: readonly DiskFormatName[] = loaded.profile.output.formats,
): Promise<Built> {
  const directory = options.output ?? "out";
  // Before anything else is done, so that a directory that cannot be written costs nobody a download.
  makeDirectory(directory, { hint: "name another one with --output" });
  const planned = await planProfile(loaded, options, context);
  const { output } = loaded.profile;
  return await step(context, "image", "Write the image", async (progress) => {
    const { files, rawSha256 } = await emitImage(
      {
        source: planned.source,
        outputs: formats.map((name) => {
          const format = diskFormats[name];
          const isCd = name === "raw" && loaded.profile.disk.fileSystem === "iso9660";
          return { format, path: join(directory, `${planned.name}${isCd ? ".iso" : format.extension}`) };
        }),
        compress: output.compress,
        clusterSizeBytes: output.clusterSize,
        options: { compat: output.compat, compression: output.compression },
        progress: progress.bytes,
      },
      context,
    );
    progress.note(files.map((file) => `${file.format} ${formatBytes(file.sizeBytes)}`).join(", "));
    return {
      name: planned.name,
      identity: rawSha256,
      diskSizeBytes: planned.layout.diskSizeBytes,
      kernelVersion: planned.kernelVersion,
      files: files.map((file) => ({ ...file, allocatedBytes: statSync(file.path).blocks * 512 })),
    };
  });
}
