import { asObject, type JsonObject } from "../initializer/json-values.ts";
import type { MergeRule } from "./merge-rules.ts";

/**
 * A later document into what the earlier ones gave, by its rules. A type without a rule keeps the earlier value.
 * https://cloudinit.readthedocs.io/en/latest/reference/merging.html
 *
 * @throws Error if a rule does not fit the values
 */
export function mergeValues(earlier: unknown, later: unknown, rules: readonly MergeRule[]): unknown {
  const optionsOf = (type: string) => rules.find((rule) => rule.type === type)?.options;
  const earlierMapping = asObject(earlier);
  if (earlierMapping !== undefined) {
    const options = optionsOf("dict");
    const laterMapping = asObject(later);
    if (options === undefined || laterMapping === undefined) return earlier;
    return mergeMappings(earlierMapping, laterMapping, options, rules);
  }
  if (Array.isArray(earlier)) {
    const options = optionsOf("list");
    return options === undefined ? earlier : mergeLists(earlier, later, options, rules);
  }
  if (typeof earlier !== "string") return earlier;
  const options = optionsOf("str");
  if (options === undefined) return earlier;
  if (!options.includes("append")) return later;
  if (typeof later !== "string") throw new Error("a text and something else cannot be merged with append");
  return earlier + later;
}

function mergeMappings(
  earlier: JsonObject,
  later: JsonObject,
  options: readonly string[],
  rules: readonly MergeRule[],
) {
  const merged = new Map(Object.entries(earlier));
  for (const [key, value] of Object.entries(later)) {
    const before = merged.get(key);
    if (!merged.has(key)) merged.set(key, value);
    else if (value === null && options.includes("allow_delete")) merged.delete(key);
    else if (options.includes("replace")) merged.set(key, value);
    else if (recurses(value, [...options, "recurse_dict"])) merged.set(key, mergeValues(before, value, rules));
  }
  return Object.fromEntries(merged);
}

function mergeLists(earlier: unknown[], later: unknown, options: readonly string[], rules: readonly MergeRule[]) {
  const how = ["append", "prepend", "replace", "no_replace"].find((word) => options.includes(word)) ?? "replace";
  if (how === "no_replace") return earlier;
  if (!Array.isArray(later)) {
    if (how === "replace") return later;
    throw new Error(`a list and something else cannot be merged with ${how}`);
  }
  if (how === "append") return [...earlier, ...later];
  if (how === "prepend") return [...later, ...earlier];
  return earlier.map((before, index) => {
    if (index >= later.length) return before;
    const value: unknown = later[index];
    return recurses(value, options) ? mergeValues(before, value, rules) : value;
  });
}

/** Whether a value of a collection is merged with the one before it, not put in its place. */
function recurses(value: unknown, options: readonly string[]): boolean {
  if (Array.isArray(value)) return options.includes("recurse_array") || options.includes("recurse_list");
  if (typeof value === "string") return options.includes("recurse_str");
  return options.includes("recurse_dict") && asObject(value) !== undefined;
}

/** One layer over another: the user's over the vendor's over the image's. Mappings are joined key by key, of all else the upper one counts. */
export function overlay(lower: unknown, upper: unknown): unknown {
  const below = asObject(lower);
  const above = asObject(upper);
  if (below === undefined || above === undefined) return upper;
  const joined = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above))
    joined.set(key, joined.has(key) ? overlay(joined.get(key), value) : value);
  return Object.fromEntries(joined);
}
