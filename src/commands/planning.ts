import { obtainLock } from "../build/locking.ts";
import type { Lock } from "../build/packages/lock.ts";
import { type PlannedImage, planImage } from "../build/pipeline.ts";
import type { Context } from "../core/context.ts";
import type { LoadedProfile } from "../profile/load.ts";
import type { BuildOptions } from "./built.ts";

/** Resolves what a profile asks for, or takes its lock, and plans the image. */
export async function planWithLock(
  loaded: LoadedProfile,
  options: BuildOptions,
  context: Context,
): Promise<{ readonly lock: Lock; readonly planned: PlannedImage }> {
  const archive = { mirror: options.mirror, allowExpired: options.allowExpired === true };
  const lock = await obtainLock(loaded, { ...archive, mode: options.locked === true ? "locked" : "keep" }, context);
  return { lock, planned: await planImage({ ...archive, loaded, lock }, context) };
}
