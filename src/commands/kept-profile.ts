import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { programDigest } from "../build/host-inputs.ts";
import type { Context } from "../core/context.ts";
import { errnoOf } from "../core/errors.ts";
import { keptBytes } from "../core/kept-bytes.ts";
import type { LoadedProfile } from "../profile/load.ts";

interface Kept {
  readonly program: string;
  readonly loaded: LoadedProfile;
}

/**
 * A profile that was found right need not be read again while its files and this program are the same: loading what reads YAML and checks it takes longer than a build that
 * has nothing else to do. Not for one with hooks, or with environment variables that are set.
 */
export async function keptProfile(
  path: string,
  context: Context,
  load: () => Promise<LoadedProfile>,
): Promise<LoadedProfile> {
  const kept = keptBytes(context);
  // Positions name the files as they were given; the profile's own paths are absolute.
  const place = { path, directory: process.cwd() };
  const isSame = ({ program, loaded: { sources, inputs } }: Kept) =>
    program === programDigest() &&
    inputs.variables.every((name) => context.environment[name] === undefined) &&
    sources.every((file, index) => digestOf(file) === inputs.digests[index]);
  const bytes = kept.get("profiles", place);
  const known = bytes && (deserialize(bytes) as Kept);
  if (known !== undefined && isSame(known)) return known.loaded;
  const loaded = await load();
  const found: Kept = { program: programDigest(), loaded };
  // Readable to nobody else, since a profile may hold passwords; and nothing of the environment is written.
  if (loaded.profile.hooks.length === 0 && isSame(found))
    kept.put("profiles", place, serialize(found), { mode: 0o600 });
  return loaded;
}

function digestOf(file: string): string | undefined {
  try {
    return hash("sha256", readFileSync(file));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
