import { CloudimgError, fail, type Problem } from "../../core/errors.ts";
import { didYouMean, nearNames } from "../../core/near-names.ts";
import { fitsProvided, fitsQualifier, relationsOf } from "./fulfil.ts";
import {
  type Alternatives,
  fitsVersion,
  formatAlternatives,
  formatRelation,
  parseVersionWish,
  type Relation,
} from "./relation.ts";
import type { IncludeEntry, PackageRequest } from "./request.ts";
import { Selection } from "./selection.ts";
import type { Candidate, Universe } from "./universe.ts";

/** A package that the closure holds, and why. */
export interface Chosen {
  readonly candidate: Candidate;
  readonly purpose: "image" | "tool";
  /** Only these paths of it. */
  readonly files?: readonly string[] | undefined;
  /** Whether the request names it. */
  readonly requested: boolean;
  /** Names of the chosen packages that depend on it. */
  readonly requiredBy: ReadonlySet<string>;
}

/** What a package's version must fit, found out on the way. */
type Bounds = Map<string, Relation[]>;

/** Thrown to start again, knowing more about one package's version. */
class Restart extends Error {
  readonly relation: Relation;
  constructor(relation: Relation) {
    super();
    this.relation = relation;
  }
}

/**
 * Everything that the request's packages need: Pre-Depends and Depends, no Recommends, nothing only because it is essential. The newest version that fits; of
 * alternatives one that is chosen already, else the first that can be had. The order of the request does not matter.
 */
export function resolveClosure(universe: Universe, request: PackageRequest): Chosen[] {
  const bounds: Bounds = new Map();
  checkRequest(universe, request, bounds);
  for (;;) {
    try {
      return new Closure(universe, request, bounds).resolve();
    } catch (error) {
      if (!(error instanceof Restart)) throw error;
      addBound(bounds, error.relation);
    }
  }
}

class Closure {
  readonly #universe: Universe;
  readonly #request: PackageRequest;
  readonly #bounds: Bounds;
  readonly #excluded: ReadonlySet<string>;
  readonly #selection: Selection;

  constructor(universe: Universe, request: PackageRequest, bounds: Bounds) {
    this.#universe = universe;
    this.#request = request;
    this.#bounds = bounds;
    this.#excluded = new Set(request.exclude);
    this.#selection = new Selection(universe.arch);
  }

  resolve(): Chosen[] {
    const whole = this.#request.include.filter((entry) => entry.files === undefined);
    for (const name of sortedNames(whole)) this.#selection.add(this.#pick(name), undefined);
    for (const name of this.#selection.names()) this.#followAll(name);
    this.#selection.checkConflicts();
    return [...this.#chosenWhole(), ...this.#chosenParts(), ...this.#chosenTools()];
  }

  #chosenWhole(): Chosen[] {
    const requested = new Set(this.#request.include.map(({ name }) => name));
    return [...this.#selection.entries()].map(([name, { candidate, requiredBy }]) => ({
      candidate,
      purpose: "image",
      requested: requested.has(name),
      requiredBy,
    }));
  }

  #chosenParts(): Chosen[] {
    const files = new Map<string, string[]>();
    for (const entry of this.#request.include)
      if (entry.files !== undefined && !this.#selection.has(entry.name))
        files.set(entry.name, [...(files.get(entry.name) ?? []), ...entry.files]);
    return [...files].map(([name, paths]) => ({
      candidate: this.#pick(name),
      purpose: "image",
      files: [...new Set(paths)].sort(),
      requested: true,
      requiredBy: new Set<string>(),
    }));
  }

  #chosenTools(): Chosen[] {
    const parts = new Set(this.#request.include.filter((entry) => entry.files !== undefined).map(({ name }) => name));
    const tools = [...new Set(this.#request.tools)].filter((name) => !this.#selection.has(name));
    const both = tools.find((name) => parts.has(name));
    if (both !== undefined)
      fail("profile/invalid", `cannot take only some files of ${both}: the build itself needs the whole package`, {
        hint: `include ${both} without \`files\`, and leave paths out with packages.prune`,
      });
    return tools.map((name) => ({
      candidate: this.#pick(name),
      purpose: "tool",
      requested: true,
      requiredBy: new Set<string>(),
    }));
  }

  #pick(name: string): Candidate {
    return this.#candidates({ name })[0] as Candidate;
  }

  /** Versions of a package that fit a relation and all that is known, newest first. */
  #candidates(relation: Relation): Candidate[] {
    const bounds = this.#bounds.get(relation.name) ?? [];
    return this.#universe
      .candidates(relation.name)
      .filter((candidate) => fitsQualifier(relation, candidate, this.#universe.arch))
      .filter(({ version }) => [relation, ...bounds].every((bound) => fitsVersion(bound, version)));
  }

  #followAll(name: string): void {
    const { candidate } = this.#selection.get(name);
    for (const field of [candidate.preDepends, candidate.depends])
      for (const group of relationsOf(candidate, field, this.#universe.arch)) this.#follow(name, group);
  }

  #follow(owner: string, group: Alternatives): void {
    for (const relation of group) {
      const holder = this.#selection.holderOf(relation);
      if (holder === undefined) continue;
      this.#selection.require(holder, owner);
      return;
    }
    if (group.some(({ name }) => this.#excluded.has(name))) return;
    const options = group.flatMap((relation) => this.#options(relation));
    const option = options.find((candidate) => !this.#selection.conflictsWith(candidate)) ?? options[0];
    if (option !== undefined) {
      this.#selection.add(option, owner);
      return;
    }
    for (const relation of group) if (this.#couldBeOtherVersion(relation)) throw new Restart(relation);
    this.#failUnsatisfied(owner, group);
  }

  /** Packages that are not chosen yet and would fulfil a relation: itself, else what provides it, important ones first. */
  #options(relation: Relation): Candidate[] {
    const usable = ({ name }: Candidate) => !this.#selection.has(name) && !this.#excluded.has(name);
    const real = this.#candidates(relation).filter(usable);
    if (real[0] !== undefined) return [real[0]];
    const providers = this.#universe.providers(relation.name).filter(({ candidate, version }) => {
      if (!fitsProvided(relation, version) || !usable(candidate)) return false;
      return this.#candidates({ name: candidate.name })[0] === candidate;
    });
    return providers
      .map(({ candidate }) => candidate)
      .sort((a, b) => priorityRank(a) - priorityRank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  #couldBeOtherVersion(relation: Relation): boolean {
    if (!this.#selection.has(relation.name)) return false;
    const { candidate } = this.#selection.get(relation.name);
    return !fitsVersion(relation, candidate.version) && this.#candidates(relation).length > 0;
  }

  #failUnsatisfied(owner: string, group: Alternatives): never {
    const there = group.map((relation) =>
      describeAvailable(this.#universe, relation, this.#bounds.get(relation.name) ?? []),
    );
    fail(
      "packages/unsatisfiable",
      `cannot install ${owner}: it needs ${formatAlternatives(group)}, but ${there.join("; ")}`,
      {
        hint: `${owner} is there because of ${this.#selection.chain(owner).join(" → ")}; ask for another version, or leave ${group[0]?.name} out with packages.exclude`,
      },
    );
  }
}

function checkRequest(universe: Universe, request: PackageRequest, bounds: Bounds): void {
  const problems: Problem[] = [];
  const entries: IncludeEntry[] = [...request.include, ...request.tools.map((name) => ({ name }))];
  for (const entry of [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
    const problem = checkEntry(universe, request, bounds, entry);
    if (problem !== undefined && !problems.some(({ message }) => message === problem.message)) problems.push(problem);
  }
  if (problems.length > 0) throw new CloudimgError(problems);
}

function checkEntry(
  universe: Universe,
  request: PackageRequest,
  bounds: Bounds,
  entry: IncludeEntry,
): Problem | undefined {
  const { name, version } = entry;
  if (request.exclude.includes(name))
    return {
      code: "profile/invalid",
      message: `cannot include ${name}: it is excluded too`,
      hint: "remove it from packages.include or from packages.exclude",
    };
  const candidates = universe.candidates(name);
  if (candidates.length === 0) return notFound(universe, request.suite, name);
  if (version === undefined) return undefined;
  const wish = parseVersionWish(version);
  if (wish === undefined)
    return {
      code: "profile/invalid",
      message: `cannot include ${name}: "${version}" is no version`,
      hint: "write a version like 1.26.3-3, or a relation like >= 1.26",
    };
  addBound(bounds, { name, version: wish });
  const all = bounds.get(name) ?? [];
  if (candidates.some((candidate) => all.every((bound) => fitsVersion(bound, candidate.version)))) return undefined;
  return {
    code: "packages/no-version",
    message: `cannot include ${all.map(formatRelation).join(" and ")}: the archive has ${versionsOf(universe, name)}`,
    hint: "ask for one of these, or name a mirror that has the other",
  };
}

function notFound(universe: Universe, suite: string, name: string): Problem {
  const providers = [...new Set(universe.providers(name).map(({ candidate }) => candidate.name))];
  const names = providers.length > 0 ? [] : universe.names();
  const near = didYouMean(name, names);
  const longer = names.filter((other) => other.startsWith(`${name}-`)).slice(0, 3);
  const reason = providers.length > 0 ? "it is a virtual package" : `${suite} has none for ${universe.arch}`;
  const hint =
    providers.length > 0
      ? `name one that provides it: ${providers.slice(0, 5).join(", ")}`
      : (near ??
        (longer.length > 0
          ? `did you mean ${longer.join(", ")}?`
          : "check the name, packages.suite and packages.components"));
  return { code: "packages/not-found", message: `cannot find the package ${name}: ${reason}`, hint };
}

function describeAvailable(universe: Universe, relation: Relation, bounds: readonly Relation[]): string {
  const { name } = relation;
  if (universe.candidates(name).length === 0) {
    const near = nearNames(name, [])[0];
    return universe.providers(name).length > 0 ? `what provides ${name} does not fit` : `there is no ${near ?? name}`;
  }
  const also = bounds.filter((bound) => bound !== relation).map(formatRelation);
  return `${name} is there as ${versionsOf(universe, name)}${also.length > 0 ? `, and ${also.join(", ")} is asked for too` : ""}`;
}

function versionsOf(universe: Universe, name: string): string {
  return [...new Set(universe.candidates(name).map(({ version }) => version))].join(", ");
}

function addBound(bounds: Bounds, relation: Relation): void {
  const known = bounds.get(relation.name) ?? [];
  if (!known.some((bound) => formatRelation(bound) === formatRelation(relation)))
    bounds.set(relation.name, [...known, relation]);
}

const priorities = ["required", "important", "standard", "optional"];

function priorityRank({ priority }: Candidate): number {
  const rank = priorities.indexOf(priority);
  return rank < 0 ? priorities.length : rank;
}

function sortedNames(entries: readonly IncludeEntry[]): string[] {
  return [...new Set(entries.map(({ name }) => name))].sort();
}
