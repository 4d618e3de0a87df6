import type { z } from "zod";
import type { Problem } from "../core/errors.ts";
import { didYouMean, nearNames } from "../core/near-names.ts";
import { findAt, formatPath, type Positioned, type ProfilePath, whereAt } from "./positioned.ts";
import { homesOf, keysAt, schemasAt } from "./schema-tree.ts";

type Issue = z.core.$ZodIssue;

interface Explained extends Problem {
  /** The path of what is required and absent, if that is the problem. */
  readonly missing?: ProfilePath;
  /** The path of a key that does not exist, if that is the problem. */
  readonly unknown?: ProfilePath;
}

/** Zod's issues in plain words, each with the place in the file and with what to do. */
export function explainIssues(issues: readonly Issue[], root: Positioned): Explained[] {
  const all = issues.flatMap((issue) => explain(issue, [], root));
  // A misspelt required key is one mistake, not two.
  const misspelt = all.flatMap(({ unknown }) => (unknown === undefined ? [] : [unknown]));
  return all.filter(({ missing }) => {
    if (missing === undefined) return true;
    const [parent, key] = [formatPath(missing.slice(0, -1)), String(missing.at(-1))];
    return !misspelt.some((path) => formatPath(path.slice(0, -1)) === parent && isNear(String(path.at(-1)), key));
  });
}

function isNear(word: string, name: string): boolean {
  return nearNames(word, [name]).length > 0;
}

/** One problem of a profile that is well-formed but cannot be used: `reason` continues "cannot use this profile: ". */
export function invalid(root: Positioned, path: ProfilePath, reason: string, hint?: string): Problem {
  return { code: "profile/invalid", message: `cannot use this profile: ${reason}`, where: whereAt(root, path), hint };
}

function explain(issue: Issue, prefix: ProfilePath, root: Positioned): Explained[] {
  const path = [...prefix, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  const found = findAt(root, path);
  const isNull = found?.value.kind === "scalar" && found.value.value === null;
  const inList = typeof path.at(-1) === "number";
  if (found?.value.kind === "scalar" && found.value.unusable === true) return [];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], root));
  if (found === undefined || (isNull && !inList)) return [missing(path, root)];
  if (issue.code === "invalid_union") {
    const branch = issue.errors.find((errors) => !errors.some(isWrongKind));
    if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, root));
  }
  const reason = `${label(path)} ${requirement(issue)}${but(found.value, path, issue)}`;
  return [invalid(root, path, reason, hintFor(issue, found.value))];
}

/** Whether a branch of a choice is not what the author meant at all, rather than meant and wrong in a detail. */
function isWrongKind(issue: Issue): boolean {
  return issue.path.length === 0 && ["invalid_type", "invalid_value", "invalid_union"].includes(issue.code);
}

function unknownKey(path: ProfilePath, root: Positioned): Explained {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = keysAt(parent);
  const homes = homesOf(key).filter((home) => home !== "");
  const hint =
    didYouMean(key, known) ??
    (homes.length > 0 && homes.length <= 3
      ? `"${key}" belongs under ${homes.map((home) => `"${home}"`).join(" or ")}`
      : `what can stand here: ${known.join(", ")}`);
  const place = parent.length === 0 ? "" : ` in ${formatPath(parent)}`;
  return {
    ...invalid(root, path, `unknown key "${key}"${place}`, hint),
    where: findAt(root, path)?.keyWhere ?? whereAt(root, parent),
    unknown: path,
  };
}

function missing(path: ProfilePath, root: Positioned): Explained {
  const description = schemasAt(path)[0]?.description;
  const parent = formatPath(path.slice(0, -1));
  const add = `add "${path.at(-1)}"${parent === "" ? "" : ` to ${parent}`}`;
  const reason = `${formatPath(path)} is missing`;
  return { ...invalid(root, path, reason, description ? `${add}: ${description}` : add), missing: path };
}

function label(path: ProfilePath): string {
  return path.length === 0 ? "it" : formatPath(path);
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys",
  record: "a map of keys",
};

function requirement(issue: Issue): string {
  if (issue.message.startsWith("must ")) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "too_small":
      if (issue.origin === "array") return `must have at least ${issue.minimum} ${entries(issue.minimum)}`;
      if (issue.origin === "string") return "must not be empty";
      return `must be ${issue.minimum} or more`;
    case "too_big":
      if (issue.origin === "array") return `must have at most ${issue.maximum} ${entries(issue.maximum)}`;
      if (issue.origin === "string") return `must have at most ${issue.maximum} characters`;
      return `must be ${issue.maximum} or less`;
    case "invalid_union":
      return `must be ${[...new Set(issue.errors.flat().filter(isWrongKind).map(requirement))].map((text) => text.replace(/^must be /, "")).join(" or ")}`;
    default:
      return "is not valid";
  }
}

function entries(count: number | bigint): string {
  return count === 1 ? "entry" : "entries";
}

/** What is there instead: the kind of thing, or the text itself unless it may be a secret. */
function but(value: Positioned, path: ProfilePath, issue: Issue): string {
  if (issue.code === "too_small" || issue.code === "too_big") {
    if (value.kind === "list") return `, not ${value.items.length}`;
  }
  if (value.kind !== "scalar") return value.kind === "list" ? ", but it is a list" : ", but it is a map of keys";
  if (value.value === null) return ", but there is nothing";
  if (value.fromEnvironment || path.some((part) => part === "passwordHash" || part === "userData")) return "";
  const text = JSON.stringify(value.value);
  if (text.length > 60 || text === '""') return "";
  const isKindError = issue.code === "invalid_type" && typeof value.value !== "string";
  const kind = isKindError ? (typeof value.value === "number" ? "the number " : "the truth value ") : "";
  return `, not ${kind}${text}`;
}

function hintFor(issue: Issue, { kind, ...node }: Positioned): string | undefined {
  const value = "value" in node ? node.value : undefined;
  if (kind === "scalar" && value === null) return "remove the empty entry, or fill it in";
  if (issue.code === "invalid_value" && typeof value === "number" && issue.values.some(isText))
    return "put it in quotes";
  if (issue.code === "invalid_value" && typeof value === "string") return didYouMean(value, issue.values.map(String));
  if (issue.code !== "invalid_type" || issue.message.startsWith("must ")) return undefined;
  if (issue.expected === "string" && typeof value !== "string" && kind === "scalar") return "put it in quotes";
  if (issue.expected === "array" && kind !== "list") return "write a list: one entry per line, each after a dash";
  if (issue.expected === "object" && kind !== "map") return "write keys with values below it, indented";
  return undefined;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
