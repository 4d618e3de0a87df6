import type { z } from "zod";
import { canonicalDigest } from "../core/canonical-json.ts";
import { CloudimgError, type Problem } from "../core/errors.ts";
import { readEnvironmentValues } from "./environment-values.ts";
import { explainIssues } from "./explain.ts";
import { gatherProfile, type ProfileInputs } from "./gather.ts";
import { hookDigest } from "./hook-digest.ts";
import { withAbsolutePaths, withNormalPaths } from "./host-paths.ts";
import { type Positioned, plainValue } from "./positioned.ts";
import { checkRules } from "./rules.ts";
import { type Profile, profileSchema } from "./schema.ts";

export interface LoadedProfile {
  /** Defaults filled in; every path of this host absolute. */
  readonly profile: Profile;
  /** As it was given. */
  readonly path: string;
  /** Every file that was read, bases first. */
  readonly sources: readonly string[];
  readonly inputs: ProfileInputs;
  /**
   * SHA-256 over what shapes the image: the same wherever the checkout lies, whatever the mirror, and however the image is then written, run and
   * checked. The contents of the files that it names are not in it, but for those of its hooks, which are as much a part of it as its own text.
   */
  readonly digest: string;
  /** Where everything was written; for `locate`. */
  readonly positions: Positioned;
}

export interface LoadOptions {
  /** For `${env:NAME}`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Reads, merges and checks a profile.
 *
 * @throws CloudimgError with every problem of every file, each with its position: profile/not-found, profile/syntax, profile/invalid
 */
export async function loadProfile(path: string, { environment, signal }: LoadOptions): Promise<LoadedProfile> {
  const { root, sources, inputs, problems, complete } = await gatherProfile(path, environment, signal);
  const plain = plainValue(root);
  let parsed = profileSchema.safeParse(plain);
  if (!parsed.success && readEnvironmentValues(parsed.error.issues, root))
    parsed = profileSchema.safeParse(plainValue(root));

  const found: Problem[] = [...problems];
  if (!parsed.success) {
    for (const { missing, unknown: _, ...problem } of explainIssues(parsed.error.issues, root))
      if (complete || missing === undefined) found.push(problem);
  }
  const checkable = parsed.success ? parsed : profileSchema.safeParse(withoutUnknownKeys(parsed.error.issues, root));
  if (complete && checkable.success) found.push(...checkRules(checkable.data, root));
  if (found.length > 0 || !parsed.success) throw new CloudimgError(inOrder(found, sources));
  const profile = withAbsolutePaths(parsed.data, root);
  return {
    profile,
    path,
    sources,
    inputs,
    digest: digestOf(parsed.data, profile),
    positions: root,
  };
}

/** The profile as if its misspelt keys were not there, so that its rules can be checked in the same run. */
function withoutUnknownKeys(issues: readonly z.core.$ZodIssue[], root: Positioned): unknown {
  const plain = plainValue(root);
  for (const issue of issues) {
    if (issue.code !== "unrecognized_keys") continue;
    // biome-ignore lint/suspicious/noExplicitAny: a path into plain data
    const parent = issue.path.reduce<any>((at, part) => at[part], plain);
    for (const key of issue.keys) delete parent[key];
  }
  return plain;
}

/** By file in reading order, then by position. */
function inOrder(problems: readonly Problem[], sources: readonly string[]): Problem[] {
  const rank = ({ where }: Problem) => (where === undefined ? -1 : sources.indexOf(where.file));
  return problems.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.where?.line ?? 0) - (b.where?.line ?? 0) ||
      (a.where?.column ?? 0) - (b.where?.column ?? 0),
  );
}

/** @param absolute the same profile with absolute paths, to read its hooks by */
function digestOf(profile: Profile, absolute: Profile): string {
  const {
    extends: _extends,
    output: _output,
    provider: _,
    instance: __,
    smoke: ___,
    publish: ____,
    ...rest
  } = withNormalPaths(profile);
  const { mirror: _mirror, securityMirror: _securityMirror, ...packages } = rest.packages;
  return canonicalDigest({ ...rest, packages, hookModules: absolute.hooks.map(hookDigest) });
}
