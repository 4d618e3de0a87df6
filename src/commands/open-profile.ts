import type { Context } from "../core/context.ts";
import { type LoadedProfile, loadProfile } from "../profile/load.ts";
import { profilePath } from "./options.ts";

/** A verb's profile argument: a path, or a name in cloud-profiles/. */
export async function openProfile(nameOrPath: string, context: Context): Promise<LoadedProfile> {
  return await loadProfile(profilePath(nameOrPath), context);
}
