import { globSync, statSync } from "node:fs";
import { fail, type Where } from "./errors.ts";
import { isGlob } from "./glob.ts";
import { compareNames } from "./names.ts";

/**
 * The paths of this host that a path of a profile stands for: itself if it is there, else what it matches as a glob, in the order of the names.
 *
 * Errors: `profile/no-source` if that is nothing.
 */
export function matchesOnHost(pattern: string, where?: Where): string[] {
  if (!isGlob(pattern) || statSync(pattern, { throwIfNoEntry: false }) !== undefined) return [pattern];
  const found = globSync(pattern).sort(compareNames);
  if (found.length === 0)
    fail("profile/no-source", `cannot add ${pattern}: nothing matches it`, {
      hint: "a source is relative to the profile that names it",
      ...(where && { where }),
    });
  return found;
}
