import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { errnoOf, type Problem, type Where } from "../core/errors.ts";
import { didYouMean, nearNames } from "../core/near-names.ts";
import { variablesIn } from "./interpolate.ts";
import { mergeProfiles } from "./merge.ts";
import { parseProfile } from "./parse.ts";
import type { Positioned, PositionedMap } from "./positioned.ts";

/** By what to know that a profile is still the same. */
export interface ProfileInputs {
  /** SHA-256 of each file that was read, in their order. */
  readonly digests: readonly string[];
  /** Names of the environment variables that they refer to. */
  readonly variables: readonly string[];
}

export interface Gathered {
  /** The profile with all it extends, merged; `extends` itself is gone. */
  readonly root: Positioned;
  /** Every file that was read, bases first. */
  readonly sources: readonly string[];
  readonly inputs: ProfileInputs;
  readonly problems: readonly Problem[];
  /** False when a file could not be read or parsed in full: then what seems to be missing may stand in it. */
  readonly complete: boolean;
}

/** Profiles that come with cloudimg, for `extends: cloudimg:NAME`. */
const builtInProfiles: readonly string[] = ["base"];
const builtInPrefix = "cloudimg:";

function builtInProfilePath(name: string): string {
  return fileURLToPath(new URL(`../../cloud-profiles/${name}.yaml`, import.meta.url));
}

/**
 * Reads a profile and all that it extends, depth first: a base comes before what extends it, the bases of a list in their order, and a base that is reached
 * twice counts once, at its first place.
 */
export async function gatherProfile(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal?: AbortSignal,
): Promise<Gathered> {
  const problems: Problem[] = [];
  const sources: string[] = [];
  const inputs = { digests: [] as string[], variables: [] as string[] };
  const done = new Set<string>();
  const open: { readonly identity: string; readonly file: string }[] = [];
  let complete = true;
  let merged: Positioned | undefined;

  const visit = async (file: string, referrer: Where | undefined): Promise<void> => {
    signal?.throwIfAborted();
    const identity = await realpath(file).catch(() => resolve(file));
    const cycle = open.findIndex((entry) => entry.identity === identity);
    if (cycle >= 0) {
      const chain = [...open.slice(cycle).map((entry) => entry.file), file].join(" → ");
      problems.push(refuse(`it extends itself: ${chain}`, referrer, "remove one of these `extends`"));
      return;
    }
    if (done.has(identity)) return;
    done.add(identity);

    const text = await readProfile(file, referrer, problems, signal);
    const parsed = text === undefined ? undefined : parseProfile(text, file, environment);
    problems.push(...(parsed?.problems ?? []));
    if ((parsed?.problems ?? []).length > 0) complete = false;
    const own = parsed?.root;
    if (own === undefined) {
      complete = false;
      return;
    }
    const map = asMap(own);
    if (map === undefined) {
      complete = false;
      const what = own.kind === "list" ? "a list" : "plain text";
      problems.push(
        refuse(`it must be a map of sections, but it is ${what}`, own.where, "start with a section, like `image:`"),
      );
      return;
    }
    open.push({ identity, file });
    for (const { reference, where } of references(map, problems)) {
      const base = resolveReference(reference, file, where, problems);
      if (base === undefined) complete = false;
      else await visit(base, where);
    }
    open.pop();
    sources.push(file);
    inputs.digests.push(hash("sha256", text as string));
    inputs.variables.push(...variablesIn(text as string));
    const { extends: _, ...rest } = Object.fromEntries(map.entries);
    const contribution: PositionedMap = { ...map, entries: new Map(Object.entries(rest)) };
    merged = merged === undefined ? contribution : mergeProfiles(merged, contribution);
  };

  await visit(path, undefined);
  const root = merged ?? { kind: "map", where: { file: path, line: 1, column: 1 }, entries: new Map() };
  return { root, sources, inputs, problems, complete };
}

/** An empty file is an empty map. */
function asMap(node: Positioned): PositionedMap | undefined {
  if (node.kind === "map") return node;
  if (node.kind === "scalar" && node.value === null) return { kind: "map", where: node.where, entries: new Map() };
  return undefined;
}

function references(map: PositionedMap, problems: Problem[]): { reference: string; where: Where }[] {
  const value = map.entries.get("extends")?.value;
  if (value === undefined || (value.kind === "scalar" && value.value === null)) return [];
  return (value.kind === "list" ? value.items : [value]).flatMap((item) => {
    if (item.kind === "scalar" && typeof item.value === "string" && item.value !== "")
      return [{ reference: item.value, where: item.where }];
    problems.push(refuse("extends must be the path of a profile, or a list of them", item.where));
    return [];
  });
}

function resolveReference(reference: string, file: string, where: Where, problems: Problem[]): string | undefined {
  if (!reference.startsWith(builtInPrefix)) return isAbsolute(reference) ? reference : join(dirname(file), reference);
  const name = reference.slice(builtInPrefix.length);
  if (builtInProfiles.includes(name)) return builtInProfilePath(name);
  const known = builtInProfiles.map((builtIn) => `${builtInPrefix}${builtIn}`).join(", ");
  problems.push(refuse(`there is no built-in profile "${reference}"`, where, `there is: ${known}`));
  return undefined;
}

async function readProfile(
  file: string,
  referrer: Where | undefined,
  problems: Problem[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file, signal === undefined ? {} : { signal });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || signal?.aborted === true) throw error;
    problems.push(unreadable(file, referrer, errno));
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    problems.push({
      code: "profile/syntax",
      message: "cannot read this profile: it is not UTF-8 text",
      where: { file },
      hint: "is this really a YAML profile, and not an image or an archive?",
    });
    return undefined;
  }
}

function unreadable(file: string, referrer: Where | undefined, errno: string): Problem {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EISDIR: "it is a directory",
    EACCES: "you may not read it",
    EPERM: "you may not read it",
  };
  const hint =
    errno === "ENOENT"
      ? (nearProfile(file, referrer) ??
        (referrer === undefined ? "cloudimg init NAME writes a profile to start from" : undefined))
      : undefined;
  return {
    code: "profile/not-found",
    message: `cannot read the profile ${file}: ${reasons[errno] ?? errno}`,
    where: referrer,
    hint,
  };
}

/** By the names without their extensions, which all share. */
function nearProfile(file: string, referrer: Where | undefined): string | undefined {
  const stem = (name: string) => basename(name).replace(/\.ya?ml$/, "");
  const others = profilesBeside(file).filter((name) => join(dirname(file), name) !== referrer?.file);
  const near = nearNames(stem(file), others.map(stem));
  return didYouMean(
    basename(file),
    others.filter((name) => near.includes(stem(name))),
  );
}

function profilesBeside(file: string): string[] {
  try {
    return readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name) && !name.endsWith(".lock.yaml"));
  } catch {
    return [];
  }
}

function refuse(reason: string, where: Where | undefined, hint?: string): Problem {
  return { code: "profile/invalid", message: `cannot use this profile: ${reason}`, where, hint };
}
