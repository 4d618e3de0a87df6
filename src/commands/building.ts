import { buildStamp } from "../build/build-stamp.ts";
import type { DiskFormatName } from "../build/disk-formats/registry.ts";
import type { PlannedImage } from "../build/pipeline.ts";
import { type Context, step } from "../core/context.ts";
import { makeDirectory } from "../core/make-directory.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { BuildOptions, Built } from "./built.ts";

export async function planProfile(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
): Promise<PlannedImage> {
  const { planWithLock } = await import("./planning.ts");
  return (await planWithLock(loaded, options, context)).planned;
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
  // Loading all the stages takes longer than finding that there is nothing to do.
  const { buildAnew } = await import("./build-anew.ts");
  const built = await buildAnew(loaded, { ...options, output: directory }, context, formats);
  await stamp?.keep(built, [...built.files.map(({ path }) => path), ...built.sideFiles]);
  return built;
}
