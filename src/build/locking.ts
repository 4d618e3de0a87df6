import { existsSync } from "node:fs";
import { canonicalDigest } from "../core/canonical-json.ts";
import type { Context } from "../core/context.ts";
import type { Where } from "../core/errors.ts";
import { keptBytes } from "../core/kept-bytes.ts";
import type { LoadedProfile } from "../profile/load.ts";
import { locate } from "../profile/positioned.ts";
import type { Profile } from "../profile/schema.ts";
import { loadersOf } from "./disk-boot.ts";
import { lockPath } from "./lock-path.ts";
import { findLocalPackages } from "./packages/local-packages.ts";
import { checkLock, type Lock, lockDrift, readLock, writeLock } from "./packages/lock.ts";
import type { PackageRequest } from "./packages/request.ts";

export interface ArchiveOptions {
  /** Base URL of a mirror that goes before all others. */
  readonly mirror?: string | undefined;
  /** Accept indexes past their Valid-Until. */
  readonly allowExpired: boolean;
}

const defaultKernel = {
  amd64: "linux-image-cloud-amd64",
  arm64: "linux-image-cloud-arm64",
  riscv64: "linux-image-riscv64",
} as const;

/**
 * What a profile asks of the archive: its packages, its kernel, and what the boot loader is made from. Reads the local packages that it names.
 *
 * Errors: `profile/no-source`.
 */
export function packageRequest(
  profile: Profile,
  { mirror, allowExpired }: ArchiveOptions,
  locate: (path: readonly (string | number)[]) => Where | undefined = () => undefined,
): PackageRequest {
  const { packages, kernel, image } = profile;
  const kernelPackages = kernel.file === undefined ? [kernel.package ?? defaultKernel[image.arch]] : [];
  return {
    arch: image.arch,
    suite: packages.suite,
    components: packages.components,
    mirror: mirror ?? packages.mirror,
    securityMirror: packages.securityMirror,
    updates: packages.updates,
    security: packages.security,
    include: [...packages.include, ...kernelPackages].map((entry) =>
      typeof entry === "string" ? { name: entry } : entry,
    ),
    local: findLocalPackages(packages.local, (index) => locate(["packages", "local", index])),
    exclude: packages.exclude,
    tools: loadersOf(profile).flatMap((loader) => loader.packages(image.arch, kernel.protocol)),
    allowExpired,
  };
}

export interface LockOptions extends ArchiveOptions {
  /** `locked`: the lock must be there and match. `update`: resolve anew. `keep`: use the lock if it matches, else resolve anew. */
  readonly mode: "locked" | "update" | "keep";
}

/** The profile's lock, from the file beside it or resolved now; a new one is written to the file. */
export async function obtainLock(loaded: LoadedProfile, options: LockOptions, context: Context): Promise<Lock> {
  const path = lockPath(loaded.path);
  const kept = keptBytes(context);
  const request = packageRequest(loaded.profile, options, (part) => locate(loaded, part));
  if (options.mode === "locked") {
    const lock = await readLock(path, kept);
    checkLock(lock, request, path);
    return lock;
  }
  if (options.mode === "keep" && existsSync(path)) {
    const lock = await readLock(path, kept);
    const changes = lockDrift(lock, request);
    if (changes.length === 0) return lock;
    context.emit({ type: "log", level: "info", message: `${path} is made anew: ${changes.join("; ")}` });
  }
  const { lockPackages } = await import("./packages/resolve.ts");
  const lock = await lockPackages(request, context);
  await writeLock(path, lock, context);
  return lock;
}

/** The seed of all ids of an image (design: digest of profile and lock). */
export function imageSeed(loaded: LoadedProfile, lock: Lock): string {
  return canonicalDigest({ profile: loaded.digest, lock });
}
