import type { Context } from "../core/context.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { keptProfile } from "./kept-profile.ts";
import { profilePath } from "./options.ts";

/** A verb's profile argument: a path, or a name in cloud-profiles/. */
export async function openProfile(nameOrPath: string, context: Context): Promise<LoadedProfile> {
  const path = profilePath(nameOrPath);
  return await keptProfile(path, context, async () => {
    const { loadProfile } = await import("../profile/load.ts");
    return await loadProfile(path, context);
  });
}
