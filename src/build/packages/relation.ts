import { type Operator, satisfies } from "./version.ts";

/** One alternative of a relation: `libc6 (>= 2.38)`, `python3:any`. */
export interface Relation {
  readonly name: string;
  /** `any`, `native` or an architecture, from `name:QUALIFIER`. */
  readonly qualifier?: string;
  readonly version?: { readonly operator: Operator; readonly version: string };
}

/** Alternatives, best first: one of them must hold. */
export type Alternatives = readonly Relation[];

const relationPattern =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)<=>][^\s)]*)\s*\))?\s*(?:\[([^\]]*)\])?\s*(?:<[^>]*>\s*)*$/i;

/**
 * Parses a relationship field (Debian Policy 7.1): `a (>= 1) | b:any, c [amd64 !arm64]`. Alternatives that are not meant for `arch` are left
 * out.
 *
 * @throws SyntaxError naming the part that is none
 */
export function parseRelations(field: string, arch: string): Alternatives[] {
  const groups: Alternatives[] = [];
  for (const part of field.split(",")) {
    if (part.trim() === "") continue;
    const group = part.split("|").map((text) => parseRelation(text.trim(), arch));
    const meant = group.filter((relation) => relation !== undefined);
    if (meant.length > 0) groups.push(meant);
  }
  return groups;
}

function parseRelation(text: string, arch: string): Relation | undefined {
  const match = relationPattern.exec(text);
  if (match === null) throw new SyntaxError(`not a relation between packages: ${text}`);
  const [, name = "", qualifier, operator, version, architectures] = match;
  if (architectures !== undefined && !matchesArchitectures(architectures, arch)) return undefined;
  return {
    name,
    ...(qualifier !== undefined && { qualifier }),
    ...(operator !== undefined &&
      version !== undefined && { version: { operator: normalOperator(operator), version } }),
  };
}

/** `<` and `>` are the obsolete spellings of `<=` and `>=` (Policy 7.1). */
function normalOperator(operator: string): Operator {
  if (operator === "<") return "<=";
  if (operator === ">") return ">=";
  return operator as Operator;
}

function matchesArchitectures(list: string, arch: string): boolean {
  const words = list.trim().split(/\s+/);
  const named = (word: string) => word === arch || word === "any" || word === "linux-any" || word === `any-${arch}`;
  if (words.some((word) => word.startsWith("!"))) return !words.some((word) => named(word.replace(/^!/, "")));
  return words.some(named);
}

/** Whether a version fits; a relation without one fits every version. */
export function fitsVersion(relation: Relation, version: string): boolean {
  return relation.version === undefined || satisfies(version, relation.version.operator, relation.version.version);
}

/** As a person would write it. */
export function formatRelation({ name, qualifier, version }: Relation): string {
  return `${name}${qualifier ? `:${qualifier}` : ""}${version ? ` (${version.operator} ${version.version})` : ""}`;
}

export function formatAlternatives(group: Alternatives): string {
  return group.map(formatRelation).join(" | ");
}

/** What a profile writes as a version: `1.2-3`, or a relation like `>= 1.2`. Undefined if it is neither. */
export function parseVersionWish(text: string): Relation["version"] | undefined {
  const match = /^(?:(<<|<=|=|>=|>>|<|>)\s*)?((?:\d+:)?[0-9][A-Za-z0-9.+~-]*)$/.exec(text.trim());
  if (match === null) return undefined;
  return { operator: normalOperator(match[1] ?? "="), version: match[2] as string };
}
