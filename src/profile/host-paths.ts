import { dirname, posix, resolve } from "node:path";
import { type Positioned, type ProfilePath, whereAt } from "./positioned.ts";
import type { Profile } from "./schema.ts";

/** The profile with `change` made of every path of this host that it names. */
function mapHostPaths(profile: Profile, change: (value: string, path: ProfilePath) => string): Profile {
  const { kernel, packages } = profile;
  const optional = (value: string | undefined, path: ProfilePath) =>
    value === undefined ? value : change(value, path);
  return {
    ...profile,
    kernel: {
      ...kernel,
      file: optional(kernel.file, ["kernel", "file"]),
      bootModules: kernel.bootModules.map((entry, at) => ({
        ...entry,
        source: change(entry.source, ["kernel", "bootModules", at, "source"]),
      })),
    },
    packages: { ...packages, local: packages.local.map((value, at) => change(value, ["packages", "local", at])) },
    archives: profile.archives.map((entry, at) => ({
      ...entry,
      source: change(entry.source, ["archives", at, "source"]),
    })),
    overlays: profile.overlays.map((entry, at) =>
      typeof entry === "string"
        ? change(entry, ["overlays", at])
        : { ...entry, source: change(entry.source, ["overlays", at, "source"]) },
    ),
    files: profile.files.map((entry, at) => ({ ...entry, source: optional(entry.source, ["files", at, "source"]) })),
    changes: profile.changes.map((entry, at) => ({
      ...entry,
      ...(entry.replace && {
        replace: { ...entry.replace, source: optional(entry.replace.source, ["changes", at, "replace", "source"]) },
      }),
    })),
    hooks: profile.hooks.map((value, at) => change(value, ["hooks", at])),
  };
}

/** Every path is relative to the profile that names it, whichever profile inherits it. */
export function withAbsolutePaths(profile: Profile, root: Positioned): Profile {
  return mapHostPaths(profile, (value, path) => resolve(dirname(whereAt(root, path).file), value));
}

/** The paths as they were written, in one spelling: the same wherever the checkout lies. */
export function withNormalPaths(profile: Profile): Profile {
  return mapHostPaths(profile, (value) => posix.normalize(value));
}

/** Every path of this host that a profile names. */
export function hostPathsOf(profile: Profile): string[] {
  const paths: string[] = [];
  mapHostPaths(profile, (value) => {
    paths.push(value);
    return value;
  });
  return paths;
}
