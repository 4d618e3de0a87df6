import { readAll } from "../core/byte-source.ts";
import { deriveUuid } from "../core/seed.ts";
import type { Tree } from "../core/tree.ts";
import type { Lock, LockedPackage } from "./packages/lock.ts";
import { type DeclaredLicenses, declaredLicenses } from "./sbom-licenses.ts";

export interface SbomRequest {
  readonly image: { readonly name: string; readonly version: string; readonly arch: string };
  readonly lock: Lock;
  /** The packages' trees by name, for their copyright files; those that are not there count as unknown. */
  readonly packages: ReadonlyMap<string, Tree>;
  readonly seed: string;
  readonly cloudimgVersion: string;
}

/** A package as both kinds of bill list it. */
export interface SbomPackage {
  readonly locked: LockedPackage;
  readonly purl: string;
  /** `Debian`; undefined for the profile's own packages. */
  readonly supplier: string | undefined;
  readonly licenses: DeclaredLicenses | undefined;
  /** What is particular about its being there. */
  readonly comment: string | undefined;
  /** Names of packages of the lock that it depends on. */
  readonly dependsOn: readonly string[];
}

export interface SbomInputs {
  readonly request: SbomRequest;
  /** `2026-11-20T08:14:56Z`: the lock's, not the clock's. */
  readonly created: string;
  readonly uuid: string;
  readonly packages: readonly SbomPackage[];
}

/** What the bills have in common. */
export function sbomInputs(request: SbomRequest): SbomInputs {
  const { lock, packages, seed } = request;
  const dependsOn = new Map<string, string[]>(lock.packages.map(({ name }) => [name, []]));
  for (const { name, requiredBy } of lock.packages) for (const by of requiredBy) dependsOn.get(by)?.push(name);
  return {
    request,
    created: new Date(lock.epochSeconds * 1000).toISOString().replace(".000Z", "Z"),
    uuid: deriveUuid(seed, "bill of materials"),
    packages: lock.packages.map((locked) => ({
      locked,
      purl: purlOf(locked, lock),
      supplier: locked.archive === "local" ? undefined : "Debian",
      licenses: licensesOf(locked.name, packages.get(locked.name)),
      comment: commentOn(locked),
      dependsOn: (dependsOn.get(locked.name) ?? []).sort(),
    })),
  };
}

/** Package URL (purl-spec, types/deb). What Debian did not make is not Debian's. */
function purlOf({ name, version, architecture, archive }: LockedPackage, { inputs }: Lock): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll("%3A", ":");
  const what = `${encode(name)}@${encode(version)}?arch=${architecture}`;
  return archive === "local" ? `pkg:generic/${what}` : `pkg:deb/debian/${what}&distro=${encode(inputs.suite)}`;
}

function licensesOf(name: string, tree: Tree | undefined): DeclaredLicenses | undefined {
  const path = tree?.resolve(`/usr/share/doc/${name}/copyright`);
  const node = path === undefined ? undefined : tree?.get(path);
  return node?.type === "file" ? declaredLicenses(new TextDecoder().decode(readAll(node.content))) : undefined;
}

function commentOn({ purpose, files }: LockedPackage): string | undefined {
  if (purpose === "tool") return "Boot code of it is on the disk, outside of the root file system.";
  return files === undefined ? undefined : `Only these of its files: ${files.join(" ")}`;
}
