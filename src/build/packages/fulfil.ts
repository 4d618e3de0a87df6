import { fail } from "../../core/errors.ts";
import { type Alternatives, parseRelations, type Relation } from "./relation.ts";
import type { Candidate } from "./universe.ts";
import { satisfies } from "./version.ts";

/** `:any` asks for a package that may serve other architectures (Multi-Arch: allowed); another architecture's name for that one, which we never have. */
export function fitsQualifier({ qualifier }: Relation, candidate: Candidate, arch: string): boolean {
  if (qualifier === undefined || qualifier === "native" || qualifier === arch) return true;
  return qualifier === "any" && candidate.multiArch === "allowed";
}

export function relationsOf(candidate: Candidate, field: string, arch: string): Alternatives[] {
  try {
    return parseRelations(field, arch);
  } catch (error) {
    fail(
      "packages/bad-index",
      `cannot read what ${candidate.name} ${candidate.version} needs: ${(error as Error).message}`,
      {
        hint: "the archive's index is damaged: try another mirror",
        cause: error,
      },
    );
  }
}

/** A relation with a version is only met by a Provides with one (Policy 7.5). */
export function fitsProvided({ version: wanted }: Relation, version: string | undefined): boolean {
  return wanted === undefined || (version !== undefined && satisfies(version, wanted.operator, wanted.version));
}
