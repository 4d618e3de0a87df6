import { statSync } from "node:fs";
import { join } from "node:path";
import { buildManifest, fileDigest } from "../build/build-manifest.ts";
import { buildStamp } from "../build/build-stamp.ts";
import { emitImage } from "../build/disk-formats/emit.ts";
import { type DiskFormatName, diskFormats } from "../build/disk-formats/registry.ts";
import { obtainLock } from "../build/locking.ts";
import type { Lock } from "../build/packages/lock.ts";
import { type PlannedImage, planImage } from "../build/pipeline.ts";
import { cloudimgVersion } from "../build/version.ts";
import { type Context, step } from "../core/context.ts";
import { formatBytes } from "../core/format.ts";
import { makeDirectory } from "../core/make-directory.ts";
import { writeAt, writeOutputs } from "../core/output.ts";
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
  /** Paths of what else lies beside them: bills of materials, the build's manifest. */
  readonly sideFiles: readonly string[];
}

export async function planProfile(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
): Promise<PlannedImage> {
  return (await planWithLock(loaded, options, context)).planned;
}

async function planWithLock(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
): Promise<{ readonly lock: Lock; readonly planned: PlannedImage }> {
  const archive = { mirror: options.mirror, allowExpired: options.allowExpired === true };
  const lock = await obtainLock(loaded, { ...archive, mode: options.locked === true ? "locked" : "keep" }, context);
  return { lock, planned: await planImage({ ...archive, loaded, lock }, context) };
}

/** Builds a profile's image, or finds that nothing has changed since the last time. */
export async function buildProfile(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
  formats: readonly DiskFormatName[] = loaded.profile.output.formats,
): Promise<Built> {
  const directory = options.output ?? "out";
  // Before anything else is done, so that a directory that cannot be written costs nobody a download.
  makeDirectory(directory, { hint: "name another one with --output" });
  const stamp = buildStamp({ loaded, directory, options: { formats, directory } }, context);
  const same = (await stamp?.unchanged()) as Built | undefined;
  if (same !== undefined)
    return await step(context, "image", "Write the image", (progress) => {
      progress.cached();
      progress.note("nothing has changed");
      return same;
    });
  const built = await buildAnew(loaded, { ...options, output: directory }, context, formats);
  await stamp?.keep(built, [...built.files.map(({ path }) => path), ...built.sideFiles]);
  return built;
}

async function buildAnew(
  loaded: LoadedProfile,
  options: BuildOptions & { readonly output: string },
  context: Context,
  formats: readonly DiskFormatName[],
): Promise<Built> {
  const directory = options.output;
  const { lock, planned } = await planWithLock(loaded, options, context);
  const { output } = loaded.profile;
  return await step(context, "image", "Write the image", async (progress) => {
    const { files, rawSha256 } = await emitImage(
      {
        source: planned.source,
        outputs: formats.map((name) => {
          const format = diskFormats[name];
          return { format, path: join(directory, `${planned.name}${format.extension}`) };
        }),
        compress: output.compress,
        clusterSizeBytes: output.clusterSize,
        progress: progress.bytes,
      },
      context,
    );
    progress.note(files.map((file) => `${file.format} ${formatBytes(file.sizeBytes)}`).join(", "));
    const built = {
      name: planned.name,
      identity: rawSha256,
      diskSizeBytes: planned.layout.diskSizeBytes,
      kernelVersion: planned.kernelVersion,
      files: files.map((file) => ({ ...file, allocatedBytes: statSync(file.path).blocks * 512 })),
    };
    return { ...built, sideFiles: await writeSideFiles(directory, { loaded, lock, planned, built }, context) };
  });
}

interface Made {
  readonly loaded: LoadedProfile;
  readonly lock: Lock;
  readonly planned: PlannedImage;
  readonly built: Omit<Built, "sideFiles">;
}

/** Writes the bills of materials and the manifest of the build beside the image; gives their paths. */
async function writeSideFiles(
  directory: string,
  { loaded, lock, planned, built }: Made,
  context: Context,
): Promise<string[]> {
  const outputs = await Promise.all(
    built.files.map(async ({ allocatedBytes: _, ...file }) => {
      const sha256 = file.format === "raw" ? built.identity : await fileDigest(file.path, context.signal);
      return { ...file, sha256 };
    }),
  );
  const manifest = buildManifest({ loaded, lock, ...built, outputs, cloudimgVersion: cloudimgVersion() });
  const sideFiles = [...planned.sideFiles, manifest].map((file) => ({ ...file, path: join(directory, file.fileName) }));
  const paths = sideFiles.map(({ path }) => path);
  await writeOutputs(paths, context, (fds) => {
    sideFiles.forEach(({ bytes }, index) => {
      writeAt(fds[index] as number, bytes, 0);
    });
  });
  return paths;
}
