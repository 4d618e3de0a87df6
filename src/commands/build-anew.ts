import { statSync } from "node:fs";
import { join } from "node:path";
import { buildManifest, fileDigest } from "../build/build-manifest.ts";
import { clusterCachePath } from "../build/disk-formats/cluster-cache.ts";
import { emitImage } from "../build/disk-formats/emit.ts";
import { type DiskFormatName, diskFormats } from "../build/disk-formats/registry.ts";
import type { Lock } from "../build/packages/lock.ts";
import type { PlannedImage } from "../build/pipeline.ts";
import { cloudimgVersion } from "../build/version.ts";
import { type Context, step } from "../core/context.ts";
import { formatBytes } from "../core/format.ts";
import { writeAt, writeOutputs } from "../core/output.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { BuildOptions, Built } from "./built.ts";
import { planWithLock } from "./planning.ts";

/** Builds a profile's image, whatever lies in the output directory. */
export async function buildAnew(
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
          const isCd = name === "raw" && loaded.profile.disk.fileSystem === "iso9660";
          return { format, path: join(directory, `${planned.name}${isCd ? ".iso" : format.extension}`) };
        }),
        compress: output.compress,
        clusterSizeBytes: output.clusterSize,
        clusterCache: clusterCachePath(context, join(directory, planned.name)),
        options: { compat: output.compat, compression: output.compression },
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
