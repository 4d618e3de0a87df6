import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errnoOf } from "../core/errors.ts";
import { matchesOnHost } from "../core/host-glob.ts";
import { compareNames } from "../core/names.ts";
import { hostPathsOf } from "../profile/host-paths.ts";
import type { Profile } from "../profile/schema.ts";

/**
 * A digest of the state of every file of this host that a profile names: paths, kinds, sizes, times and inode numbers, not contents. As git does, this takes a file for the
 * same while none of that has changed; the time of change cannot be set back.
 */
export function hostInputsDigest(profile: Profile): string {
  return digestOfStates(hostPathsOf(profile).flatMap(findQuietly));
}

let program: string | undefined;

/** The same of this program: its sources or compiled files, and what it depends on. */
export function programDigest(): string {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const files = () => digestOfStates([here(".."), here("../../package.json"), here("../../package-lock.json")]);
  program ??= `${process.version} ${files()}`;
  return program;
}

/** What is missing is told by whoever needs it. */
function findQuietly(pattern: string): string[] {
  try {
    return matchesOnHost(pattern);
  } catch {
    return [pattern];
  }
}

function digestOfStates(paths: readonly string[]): string {
  const hash = createHash("sha256");
  const visit = (path: string, follow: boolean) => {
    let state: string;
    let isDirectory = false;
    try {
      const stats = (follow ? statSync : lstatSync)(path);
      isDirectory = stats.isDirectory();
      const link = stats.isSymbolicLink() ? readlinkSync(path) : "";
      state = [stats.mode, stats.size, stats.mtimeMs, stats.ctimeMs, stats.ino, stats.dev, link].join(" ");
    } catch (error) {
      state = errnoOf(error) ?? String(error);
    }
    hash.update(`${path}\0${state}\0`);
    if (isDirectory) for (const name of readdirSync(path).sort(compareNames)) visit(join(path, name), false);
  };
  for (const path of paths) visit(path, true);
  return hash.digest("hex");
}
