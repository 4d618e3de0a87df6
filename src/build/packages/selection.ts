import { CloudimgError, type Problem } from "../../core/errors.ts";
import { fitsProvided, fitsQualifier, relationsOf } from "./fulfil.ts";
import { fitsVersion, formatRelation, type Relation } from "./relation.ts";
import type { Candidate } from "./universe.ts";

interface Selected {
  readonly candidate: Candidate;
  readonly requiredBy: Set<string>;
}

interface Provided {
  readonly owner: string;
  readonly version: string | undefined;
}

/** The packages that a closure has chosen so far, with who needs them and what they provide. */
export class Selection {
  readonly #arch: string;
  readonly #selected = new Map<string, Selected>();
  readonly #provided = new Map<string, Provided[]>();

  constructor(arch: string) {
    this.#arch = arch;
  }

  has(name: string): boolean {
    return this.#selected.has(name);
  }

  get(name: string): Selected {
    return this.#selected.get(name) as Selected;
  }

  entries(): IterableIterator<[string, Selected]> {
    return this.#selected.entries();
  }

  /** In the order they were added; those that are added meanwhile come too. */
  names(): IterableIterator<string> {
    return this.#selected.keys();
  }

  add(candidate: Candidate, requiredBy: string | undefined): void {
    this.#selected.set(candidate.name, {
      candidate,
      requiredBy: new Set(requiredBy === undefined ? [] : [requiredBy]),
    });
    for (const provided of relationsOf(candidate, candidate.provides, this.#arch).flat()) {
      const owners = this.#provided.get(provided.name) ?? [];
      owners.push({ owner: candidate.name, version: provided.version?.version });
      this.#provided.set(provided.name, owners);
    }
  }

  require(name: string, by: string): void {
    if (name !== by) this.get(name).requiredBy.add(by);
  }

  /** A chosen package that fulfils a relation. */
  holderOf(relation: Relation): string | undefined {
    return this.#holders(relation, true)[0];
  }

  /** Whether a package and those chosen so far exclude one another. */
  conflictsWith(candidate: Candidate): boolean {
    const provides = relationsOf(candidate, candidate.provides, this.#arch).flat();
    const excludesChosen = this.#exclusions(candidate).some((relation) =>
      this.#holders(relation, false).some((name) => name !== candidate.name),
    );
    if (excludesChosen) return true;
    for (const { candidate: other } of this.#selected.values())
      for (const relation of this.#exclusions(other)) {
        if (relation.name === candidate.name && fitsVersion(relation, candidate.version)) return true;
        if (
          provides.some(
            (provided) => provided.name === relation.name && fitsProvided(relation, provided.version?.version),
          )
        )
          return true;
      }
    return false;
  }

  /** From a package that was asked for to this one, along who needs whom. */
  chain(name: string): string[] {
    const chain = [name];
    for (let at = name; ; ) {
      const [by] = [...this.get(at).requiredBy].filter((other) => !chain.includes(other));
      if (by === undefined) return chain.reverse();
      chain.push(by);
      at = by;
    }
  }

  /** Conflicts and Breaks among the chosen packages (Policy 7.3, 7.4); a package may exclude what it provides itself. */
  checkConflicts(): void {
    const problems: Problem[] = [];
    for (const [name, { candidate }] of this.#selected)
      for (const relation of this.#exclusions(candidate))
        for (const other of this.#holders(relation, false))
          if (other !== name) problems.push(this.#conflict(name, relation, other));
    if (problems.length > 0) throw new CloudimgError(problems);
  }

  #conflict(name: string, relation: Relation, other: string): Problem {
    return {
      code: "packages/conflict",
      message: `cannot install ${name} and ${other} together: ${name} excludes ${formatRelation(relation)}`,
      hint: `${name} is there because of ${this.chain(name).join(" → ")}, ${other} because of ${this.chain(other).join(" → ")}; leave one out with packages.exclude`,
    };
  }

  #exclusions(candidate: Candidate): Relation[] {
    return [candidate.conflicts, candidate.breaks].flatMap((field) => relationsOf(candidate, field, this.#arch).flat());
  }

  #holders(relation: Relation, qualified: boolean): string[] {
    const holders: string[] = [];
    const real = this.#selected.get(relation.name)?.candidate;
    if (
      real !== undefined &&
      fitsVersion(relation, real.version) &&
      (!qualified || fitsQualifier(relation, real, this.#arch))
    )
      holders.push(real.name);
    for (const { owner, version } of this.#provided.get(relation.name) ?? [])
      if (fitsProvided(relation, version)) holders.push(owner);
    return holders;
  }
}
