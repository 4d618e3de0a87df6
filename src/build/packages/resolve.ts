import { canonicalDigest } from "../../core/canonical-json.ts";
import { type Context, step } from "../../core/context.ts";
import { fail } from "../../core/errors.ts";
import { formatBytes } from "../../core/format.ts";
import { didYouMean } from "../../core/near-names.ts";
import { openSuite, wantedSuites } from "./archive.ts";
import { type Chosen, resolveClosure } from "./closure.ts";
import { trustedKeys } from "./keyring.ts";
import { localCandidates } from "./local-packages.ts";
import type { Lock, LockedPackage } from "./lock.ts";
import { findMirrors } from "./mirrors.ts";
import { lockInputs, type PackageRequest } from "./request.ts";
import { type Candidate, loadUniverse, withLocal } from "./universe.ts";

/**
 * Resolves a request against the archives as they are now, all signatures verified. Errors: the family `packages`.
 */
export async function lockPackages(request: PackageRequest, context: Context): Promise<Lock> {
  return await step(context, "packages.resolve", "Resolve packages", async (progress) => {
    const mirrors = await findMirrors(request, context);
    const keys = await trustedKeys(context);
    const suites = await Promise.all(
      wantedSuites(request).map((wanted) => openSuite(wanted, mirrors, keys, request, context)),
    );
    const archives = await loadUniverse(suites, request.components, request.arch, context, progress.bytes);
    const local = await localCandidates(request.local ?? [], request.arch, context);
    const universe = local.length === 0 ? archives : withLocal(archives, local);
    const chosen = resolveClosure(universe, withIncluded(request, local));
    const inputs = lockInputs(request);
    const packages = chosen.map(lockedPackage).sort((a, b) => (a.name < b.name ? -1 : 1));
    progress.note(
      `${packages.length} packages, ${formatBytes(packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))}`,
    );
    return {
      formatVersion: 1,
      inputsDigest: canonicalDigest(inputs),
      inputs: structuredClone(inputs) as Lock["inputs"],
      epochSeconds: Math.max(...suites.map(({ release }) => release.dateMs)) / 1000,
      archives: suites.map(({ archive, suite, release, keys: signers }) => ({
        archive,
        suite,
        date: new Date(release.dateMs).toISOString(),
        keys: [...signers],
      })),
      packages,
    };
  });
}

/** Who names a file of a package means all of it, unless they say which parts. */
function withIncluded(request: PackageRequest, local: readonly Candidate[]): PackageRequest {
  const named = new Set(request.include.map(({ name }) => name));
  const further = local.filter(({ name }) => !named.has(name)).map(({ name }) => ({ name }));
  return further.length === 0 ? request : { ...request, include: [...request.include, ...further] };
}

function lockedPackage({ candidate, purpose, files, requested, requiredBy }: Chosen): LockedPackage {
  const { name, version, architecture, archive, path, sha256, sizeBytes } = candidate;
  return {
    name,
    version,
    architecture,
    archive,
    path,
    sha256,
    sizeBytes,
    purpose,
    ...(files && { files: [...files] }),
    requested,
    requiredBy: [...requiredBy].sort(),
  };
}

/** Why a package is in the lock. */
export interface Explanation {
  readonly package: LockedPackage;
  /** From a package that was asked for to this one, each needing the next: the shortest such chain. */
  readonly chain: readonly string[];
}

/** Says why a package is in the lock; `packages/not-found` with near names if it is not. */
export function explain(lock: Lock, packageName: string): Explanation {
  const byName = new Map(lock.packages.map((locked) => [locked.name, locked]));
  const found = byName.get(packageName);
  if (found === undefined)
    fail("packages/not-found", `cannot explain ${packageName}: it is not in the lock`, {
      hint: didYouMean(packageName, byName.keys()) ?? "the lock lists all packages of the image",
    });
  // Breadth first, from the package up to the nearest one that was asked for.
  const seen = new Set([packageName]);
  const queue = [[packageName]];
  for (let at = 0; at < queue.length; at++) {
    const chain = queue[at] as string[];
    const head = byName.get(chain[0] as string);
    if (head === undefined || head.requested) return { package: found, chain };
    for (const by of head.requiredBy) {
      if (seen.has(by)) continue;
      seen.add(by);
      queue.push([by, ...chain]);
    }
  }
  return { package: found, chain: [packageName] };
}
